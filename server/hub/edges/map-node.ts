/** Which node of the service map an endpoint belongs to, for each way of grouping. */
import type { EndpointEntry, ServiceEntry } from '../../wire/agent.ts';
import type { MapGroup, MapNode, NodeKind } from '../../wire/service-map.ts';
import type { Names } from '../../flows/dictionary.ts';

export type NodeIdentity = Pick<MapNode, 'id' | 'kind' | 'namespace' | 'name'>;

/** What one agent knows of a node's members. */
export interface Members {
  pods: number;
  addresses: string[];
}

export const MAX_NODE_ADDRESSES = 8;

const KINDS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/** Endpoints of one agent by node, for one grouping; made once per revision of the names. */
export class NodeIndex {
  readonly #byEndpoint = new Map<number, NodeIdentity>();
  readonly #members = new Map<string, Members>();

  constructor(names: Names, group: MapGroup) {
    const services = servicesByEndpoint(names);
    for (const entry of names.endpoints.values()) {
      const node = nodeOfEndpoint(entry, services.get(entry.ref)?.[0], group);
      this.#byEndpoint.set(entry.ref, node);
      if (!names.isLive(entry.ref)) continue;
      const members = this.#members.get(node.id) ?? { pods: 0, addresses: [] };
      this.#members.set(node.id, members);
      if (entry.namespace !== '') members.pods += 1;
      const dnsNames = group === 'namespace' ? [] : (services.get(entry.ref) ?? []).map(serviceDnsName);
      addAddresses(members.addresses, [...dnsNames, ...entry.addresses]);
    }
  }

  nodeOf(endpoint: number): NodeIdentity | undefined {
    return this.#byEndpoint.get(endpoint);
  }

  members(id: string): Members | undefined {
    return this.#members.get(id);
  }
}

const indexes = new WeakMap<Names, Map<MapGroup, { revision: number; index: NodeIndex }>>();

export function nodeIndex(names: Names, group: MapGroup): NodeIndex {
  let byGroup = indexes.get(names);
  if (byGroup === undefined) {
    byGroup = new Map();
    indexes.set(names, byGroup);
  }
  const known = byGroup.get(group);
  if (known?.revision === names.revision) return known.index;
  const index = new NodeIndex(names, group);
  byGroup.set(group, { revision: names.revision, index });
  return index;
}

export function serviceNode(service: ServiceEntry): NodeIdentity {
  return namespaced(service.namespace, 'Service', service.name);
}

export function namespaceNode(namespace: string): NodeIdentity {
  return namespaced(namespace, 'Namespace', namespace);
}

export function hostNode(name: string): NodeIdentity {
  return { id: `host/${name}`, kind: 'Host', namespace: '', name };
}

/** All ends that the reader may not know. */
export const HIDDEN_NODE: NodeIdentity = { id: 'hidden', kind: 'Hidden', namespace: '', name: 'hidden' };

export function worldNode(address: string): NodeIdentity {
  const name = address === '' ? 'other' : address;
  return { id: `world/${name}`, kind: 'World', namespace: '', name };
}

export function serviceDnsName(service: ServiceEntry): string {
  return `${service.name}.${service.namespace}.svc.cluster.local`;
}

export function addAddresses(to: string[], addresses: readonly string[]): void {
  for (const address of addresses) {
    if (to.length < MAX_NODE_ADDRESSES && !to.includes(address)) to.push(address);
  }
}

function namespaced(namespace: string, kind: NodeKind, name: string): NodeIdentity {
  return { id: `${namespace}/${kind}/${name}`, kind, namespace, name };
}

function nodeOfEndpoint(entry: EndpointEntry, service: ServiceEntry | undefined, group: MapGroup): NodeIdentity {
  if (entry.namespace === '') return hostNode(entry.name);
  if (group === 'namespace') return namespaceNode(entry.namespace);
  if (group === 'service' && service !== undefined) return serviceNode(service);
  const { workload } = entry;
  if (group === 'pod' || workload === null || !KINDS.has(workload.kind)) {
    return namespaced(entry.namespace, 'Pod', entry.name);
  }
  return namespaced(entry.namespace, workload.kind as NodeKind, workload.name);
}

/** Services that an endpoint is behind, by name. */
function servicesByEndpoint(names: Names): Map<number, ServiceEntry[]> {
  const services = [...names.services.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const found = new Map<number, ServiceEntry[]>();
  for (const service of services) {
    for (const ref of service.backends) found.set(ref, [...(found.get(ref) ?? []), service]);
  }
  return found;
}
