/** The cluster model of a standalone node: the plan of the manifests and what runs of it, put together. */
import { endpointSlices } from './endpoint-slices.ts';
import type { ClusterState, Node, Pod, Service } from './model.ts';
import type { ManifestPlan, PodPlan } from './plan.ts';
import { serviceKey } from './service-addresses.ts';
import { stableUid } from './stable-uid.ts';

/** A planned pod with what running it has brought. */
export interface LocalPod {
  plan: PodPlan;
  uid: string;
  /** Empty until it is wired. */
  podIPs: string[];
  ready: boolean;
  terminating: boolean;
  /** RFC 3339. */
  created: string;
}

/** `addresses` are the cluster IPs by serviceKey. */
export function localState(
  node: Node,
  plan: Pick<ManifestPlan, 'namespaces' | 'services' | 'networkPolicies' | 'policyProblems'>,
  addresses: ReadonlyMap<string, string[]>,
  localPods: Iterable<LocalPod>,
): ClusterState {
  const pods = Array.from(localPods, (it) => modelPod(it, node.name));
  const services: Service[] = [];
  const slices = [];
  for (const it of plan.services) {
    const { namespace, name, type, selector, ports } = it;
    const ips = addresses.get(serviceKey(it)) ?? [];
    const service = {
      uid: stableUid('Service', namespace, name),
      namespace,
      name,
      type,
      clusterIPs: ips,
      selector,
      ports,
    };
    services.push(service);
    slices.push(...endpointSlices(service, it.families, pods));
  }
  const { namespaces, networkPolicies, policyProblems } = plan;
  return { nodes: [node], namespaces, pods, services, endpointSlices: slices, networkPolicies, policyProblems };
}

function modelPod({ plan, uid, podIPs, ready, terminating, created }: LocalPod, nodeName: string): Pod {
  const { namespace, name, labels, annotations, serviceAccountName, workload, containerPorts } = plan;
  return {
    uid,
    namespace,
    name,
    labels,
    annotations,
    nodeName,
    hostNetwork: false,
    podIPs,
    serviceAccountName,
    workload,
    containerPorts,
    ready,
    terminating,
    creationTimestamp: created,
  };
}
