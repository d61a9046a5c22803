/** A cluster of one node with pods a, b, … in namespace shop, for tests that say what is different in it. */
import type { Attachment } from '../../cluster/attachment.ts';
import type { ClusterState, NetworkPolicy, NetworkPolicySpec, Pod } from '../../cluster/model.ts';
import { networkPolicySchema } from '../../cluster/network-policy.ts';

export const NODE = 'n1';

export function pod(name: string, change: Partial<Pod> = {}): Pod {
  return {
    uid: name,
    namespace: 'shop',
    name,
    labels: { app: name },
    annotations: {},
    nodeName: NODE,
    hostNetwork: false,
    podIPs: [],
    serviceAccountName: 'default',
    workload: { kind: 'Pod', name },
    containerPorts: [],
    ready: true,
    terminating: false,
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...change,
  };
}

export function attachment(name: string, endpointId: number): Attachment {
  return {
    podUid: name,
    namespace: 'shop',
    name,
    endpointId,
    netns: name,
    hostInterface: `sg${endpointId}`,
    hostIfindex: endpointId + 100,
    hostMac: '02:00:00:00:00:01',
    podMac: '02:00:00:00:00:02',
    addresses: [`10.42.0.${endpointId}`, `fd42::${endpointId}`],
  };
}

/** A policy in namespace shop, its spec as a manifest has it. */
export function policy(name: string, spec: object, annotations: Record<string, string> = {}): NetworkPolicy {
  const read = networkPolicySchema.parse({ metadata: { name, annotations }, spec });
  return {
    uid: name,
    namespace: 'shop',
    name,
    annotations: read.metadata.annotations,
    spec: read.spec as NetworkPolicySpec,
  };
}

export function cluster(
  pods: Pod[],
  networkPolicies: NetworkPolicy[],
  change: Partial<ClusterState> = {},
): ClusterState {
  return {
    nodes: [{ name: NODE, labels: {}, addresses: ['10.42.0.1'], podCIDRs: [] }],
    namespaces: [{ name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } }],
    pods,
    services: [],
    endpointSlices: [],
    networkPolicies,
    policyProblems: [],
    ...change,
  };
}
