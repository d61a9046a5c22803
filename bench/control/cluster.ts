/** A cluster as large as the budgets name it: 10,000 identities, 1,000 policies, and a node with 100 pods of them. */
import type { Attachment } from '../../server/cluster/attachment.ts';
import type { ClusterState, NetworkPolicy, Pod } from '../../server/cluster/model.ts';
import { networkPolicySchema } from '../../server/cluster/network-policy.ts';

export const NODE = 'bench';
export const IDENTITIES = 10_000;
export const POLICIES = 1000;
export const LOCAL_PODS = 100;

const NAMESPACES = 50;
const APPS = 20;

export function benchCluster(): ClusterState {
  const namespaces = Array.from({ length: NAMESPACES }, (_, i) => {
    const name = `team-${i}`;
    return { name, labels: { 'kubernetes.io/metadata.name': name, stage: i % 2 === 0 ? 'live' : 'test' } };
  });
  return {
    nodes: [{ name: NODE, labels: {}, addresses: ['10.0.0.1'], podCIDRs: [] }],
    namespaces,
    pods: Array.from({ length: IDENTITIES }, (_, i) => benchPod(i, {})),
    services: [],
    endpointSlices: [],
    networkPolicies: Array.from({ length: POLICIES }, (_, i) => benchPolicy(i, 8080)),
    policyProblems: [],
  };
}

/** Every pod has labels of its own; each app of each namespace has ten of them. */
export function benchPod(i: number, labels: Record<string, string>): Pod {
  const name = `pod-${i}`;
  return {
    uid: name,
    namespace: `team-${i % NAMESPACES}`,
    name,
    labels: { app: `app-${Math.floor(i / NAMESPACES) % APPS}`, instance: name, ...labels },
    annotations: {},
    nodeName: isLocal(i) ? NODE : 'elsewhere',
    hostNetwork: false,
    podIPs: addressesOf(i),
    serviceAccountName: 'default',
    workload: { kind: 'Pod', name },
    containerPorts: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    ready: true,
    terminating: false,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

/**
 * One policy for each app of each namespace, as people write them: from its callers in its own and in other
 * namespaces by port name, from a block without a part of it on a range of ports, and to DNS.
 */
export function benchPolicy(i: number, port: number): NetworkPolicy {
  const name = `policy-${i}`;
  const app = Math.floor(i / NAMESPACES) % APPS;
  const caller = { matchLabels: { app: `app-${(app + 1) % APPS}` } };
  const { spec } = networkPolicySchema.parse({
    metadata: { name },
    spec: {
      podSelector: { matchLabels: { app: `app-${app}` } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ podSelector: caller }], ports: [{ port: 'http' }, { port }] },
        {
          from: [{ podSelector: caller, namespaceSelector: { matchLabels: { stage: 'live' } } }],
          ports: [{ port: 'http' }],
        },
        {
          from: [
            { ipBlock: { cidr: `172.${16 + (i % 16)}.0.0/16`, except: [`172.${16 + (i % 16)}.${i % 256}.0/24`] } },
          ],
          ports: [{ port: 9000, endPort: 9099 }],
        },
      ],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team-0' } } }],
          ports: [{ port: 53, protocol: 'UDP' }],
        },
      ],
    },
  });
  return { uid: name, namespace: `team-${i % NAMESPACES}`, name, annotations: {}, spec };
}

export function benchAttachments(): Attachment[] {
  return Array.from({ length: IDENTITIES }, (_, i) => i)
    .filter(isLocal)
    .map((i, n) => ({
      podUid: `pod-${i}`,
      namespace: `team-${i % NAMESPACES}`,
      name: `pod-${i}`,
      endpointId: 16 + n,
      netns: `pod-${i}`,
      hostInterface: `sg${n}`,
      hostIfindex: 1000 + n,
      hostMac: '02:00:00:00:00:01',
      podMac: '02:00:00:00:00:02',
      addresses: addressesOf(i),
    }));
}

/** 101 shares no factor with the numbers of namespaces and apps, so that local pods are of all of them. */
function isLocal(i: number): boolean {
  return i % 101 === 0 || i === 1;
}

function addressesOf(i: number): string[] {
  return [`10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, `fd00::${i.toString(16)}`];
}
