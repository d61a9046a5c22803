/** The benchmark's pods and Services as cluster state and attachments, the agent's input. */
import type { ClusterState, Pod as ClusterPod } from '../../server/cluster/model.ts';
import type { Attachment } from '../../server/cluster/attachment.ts';
import { serviceWithDefaults } from '../../server/cluster/service-defaults.ts';
import { run } from './run.ts';
import type { BenchService } from './services.ts';
import type { Pod, Topology } from './topology.ts';

export const NODE = 'bench';

async function interfaceIndex(netns: string, name: string): Promise<number> {
  const [link] = JSON.parse(await run('ip', ['-n', netns, '-json', 'link', 'show', name])) as { ifindex: number }[];
  if (!link) throw new Error(`There is no device ${name} in ${netns}.`);
  return link.ifindex;
}

/** What wiring the pod left behind, as CNI would write it. */
export async function attachment(
  topology: Topology,
  { netns, hostInterface, hostMac, podMac, addresses }: Pod,
): Promise<Attachment> {
  return {
    podUid: netns,
    namespace: NODE,
    name: netns,
    endpointId: Number(hostInterface.slice('sg'.length)),
    netns,
    hostInterface,
    hostIfindex: await interfaceIndex(topology.node, hostInterface),
    hostMac,
    podMac,
    addresses: [...addresses],
  };
}

function clusterPod({ podUid, name, addresses }: Attachment): ClusterPod {
  return {
    uid: podUid,
    namespace: NODE,
    name,
    labels: { app: name },
    annotations: {},
    nodeName: NODE,
    hostNetwork: false,
    podIPs: addresses,
    serviceAccountName: 'default',
    workload: { kind: 'Pod', name },
    containerPorts: [],
    ready: true,
    terminating: false,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

/** The cluster with these pods on one node, and these Services, selector-less with one endpoint each. */
export function clusterState(services: readonly BenchService[], pods: readonly Attachment[]): ClusterState {
  return {
    nodes: [{ name: NODE, labels: {}, addresses: ['10.42.0.1'], podCIDRs: ['10.42.0.0/24'] }],
    namespaces: [{ name: NODE, labels: {} }],
    pods: pods.map(clusterPod),
    services: services.map(({ index, clusterIP, port, backendPort }) =>
      serviceWithDefaults({
        namespace: NODE,
        name: `service-${index}`,
        clusterIPs: [clusterIP],
        ports: [{ name: 'http', port, protocol: 'TCP', targetPort: backendPort, appProtocol: '', nodePort: 0 }],
      }),
    ),
    endpointSlices: services.map(({ index, backend, backendPort }) => ({
      namespace: NODE,
      name: `service-${index}`,
      serviceName: `service-${index}`,
      addressType: 'IPv4',
      ports: [{ name: 'http', port: backendPort, protocol: 'TCP', appProtocol: '' }],
      endpoints: [
        {
          addresses: [backend],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: NODE,
          targetRef: '',
        },
      ],
    })),
    networkPolicies: [],
    policyProblems: [],
  };
}
