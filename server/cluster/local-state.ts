/** The cluster model of a standalone node: the plan of the manifests and what runs of it, put together. */
import { endpointSlices } from './endpoint-slices.ts';
import type { ClusterState, Node, Pod, Service } from './model.ts';
import type { ManifestPlan, PodPlan, ServicePlan } from './plan.ts';
import type { NodePorts } from './node-ports.ts';
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

/** What services are given beyond their manifests, by serviceKey. */
export interface ServiceGrants {
  addresses: ReadonlyMap<string, string[]>;
  nodePorts: ReadonlyMap<string, NodePorts>;
}

export function localState(
  node: Node,
  plan: Pick<ManifestPlan, 'namespaces' | 'services' | 'networkPolicies' | 'policyProblems'>,
  grants: ServiceGrants,
  localPods: Iterable<LocalPod>,
): ClusterState {
  const pods = Array.from(localPods, (it) => modelPod(it, node.name));
  const services: Service[] = [];
  const slices = [];
  for (const it of plan.services) {
    const service = modelService(it, grants);
    services.push(service);
    slices.push(...endpointSlices(service, it.families, pods));
  }
  const { namespaces, networkPolicies, policyProblems } = plan;
  return { nodes: [node], namespaces, pods, services, endpointSlices: slices, networkPolicies, policyProblems };
}

function modelService(plan: ServicePlan, { addresses, nodePorts }: ServiceGrants): Service {
  const key = serviceKey(plan);
  const granted = nodePorts.get(key);
  return {
    uid: stableUid('Service', plan.namespace, plan.name),
    namespace: plan.namespace,
    name: plan.name,
    type: plan.type,
    clusterIPs: addresses.get(key) ?? [],
    externalIPs: plan.externalIPs,
    loadBalancerIPs: plan.loadBalancerIPs,
    loadBalancerSourceRanges: plan.loadBalancerSourceRanges,
    externalName: plan.externalName,
    selector: plan.selector,
    ports: plan.ports.map((it) => ({ ...it, nodePort: granted?.ports.get(`${it.name}/${it.protocol}`) ?? 0 })),
    sessionAffinityTimeoutSeconds: plan.sessionAffinityTimeoutSeconds,
    internalTrafficPolicy: plan.internalTrafficPolicy,
    externalTrafficPolicy: plan.externalTrafficPolicy,
    healthCheckNodePort: granted?.healthCheck ?? 0,
    publishNotReadyAddresses: plan.publishNotReadyAddresses,
  };
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
