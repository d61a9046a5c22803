/** Whom a count is about: which nodes of the map its ends are, and whether another agent counted the same. */
import type { ServiceEntry } from '../../wire/agent.ts';
import type { MapGroup } from '../../wire/service-map.ts';
import { IDENTITY, VERDICT } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End, FlowFacts } from '../../flows/facts.ts';
import { HIDDEN_ENDPOINT } from '../access/opaque-record.ts';
import {
  HIDDEN_NODE,
  hostNode,
  namespaceNode,
  type NodeIdentity,
  nodeIndex,
  serviceNode,
  worldNode,
} from './map-node.ts';

/** What is needed of an edge, or of a series of messages. */
export interface CountedEnds extends Pick<FlowFacts, 'verdict' | 'protocol' | 'serviceId' | 'endpoint' | 'identity'> {
  readonly names: Names;
  /** Port of the destination, 0 for ICMP. */
  readonly targetPort: number;
  /** Address of the end that is no endpoint; '' if there is none, or it is not told apart. */
  readonly peer: string;
  /** Whether this agent only saw it arrive: the sender is a pod of another node. */
  readonly isArrivalOnly: boolean;
  /** Where an end is kept from the reader: the same with both ends, to compare what two nodes counted. */
  readonly whole?: CountedEnds;
}

/** A count as filters see it. */
export type Counted = CountedEnds & FlowFacts;

/** Addresses of the world with a node of their own; the rest share `world/other`. */
export const MAX_WORLD_NODES = 12;

/** Two nodes count what passes between them; what the sender's counted stands for both. */
export function withoutSecondSight<Counted extends CountedEnds, Totals>(
  rows: [Counted, Totals][],
): [Counted, Totals][] {
  if (!rows.some(([counted]) => counted.isArrivalOnly)) return rows;
  const sent = new Set<string>();
  for (const [counted] of rows) if (!counted.isArrivalOnly) sent.add(pairKey(counted));
  return rows.filter(
    ([counted]) => !counted.isArrivalOnly || counted.verdict === VERDICT.DROPPED || !sent.has(pairKey(counted)),
  );
}

function pairKey(shown: CountedEnds): string {
  const edge = shown.whole ?? shown;
  const end = (which: End): string => {
    const entry = edge.names.endpoints.get(edge.endpoint(which));
    return entry === undefined ? edge.peer : `${entry.namespace}/${entry.name}`;
  };
  return `${end('source')}>${end('destination')}:${edge.protocol}/${edge.targetPort}`;
}

/** Addresses of the world that get a node of their own: those with most, by `weight`. */
export function busiestWorld<Totals>(
  rows: readonly [CountedEnds, Totals][],
  weight: (totals: Totals) => number,
): ReadonlySet<string> {
  const weights = new Map<string, number>();
  for (const [{ peer }, totals] of rows) {
    if (peer !== '') weights.set(peer, (weights.get(peer) ?? 0) + weight(totals));
  }
  const order = [...weights].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return new Set(order.slice(0, MAX_WORLD_NODES).map(([address]) => address));
}

/** The world is one on purpose: its addresses are without number. */
const NO_ADDRESSES: ReadonlySet<string> = new Set();

/** The workload at an end, for labels of metrics: `shop/web`, `host`, `world`. */
export function nameOfEnd(edge: CountedEnds, end: End): string {
  const { kind, namespace, name } = nodeOfEnd(edge, end, 'workload', NO_ADDRESSES);
  if (kind === 'World' || kind === 'Host') return kind.toLowerCase();
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** The node that an end belongs to; `world` are the addresses with a node of their own. */
export function nodeOfEnd(edge: CountedEnds, end: End, group: MapGroup, world: ReadonlySet<string>): NodeIdentity {
  const endpoint = edge.endpoint(end);
  if (endpoint === HIDDEN_ENDPOINT) return HIDDEN_NODE;
  if (endpoint !== 0) {
    const known = nodeIndex(edge.names, group).nodeOf(endpoint);
    if (known !== undefined) return known;
    return { id: `unknown/Pod/${endpoint}`, kind: 'Pod', namespace: '', name: `endpoint ${endpoint}` };
  }
  if (end === 'destination' && edge.verdict === VERDICT.DROPPED) {
    const service = edge.names.services.get(edge.serviceId) ?? serviceAt(edge.names, edge.peer);
    if (service !== undefined) return nodeOfService(service, edge.names, group);
  }
  switch (edge.identity(end)) {
    case IDENTITY.HOST:
      return hostNode(edge.names.node);
    case IDENTITY.REMOTE_NODE:
      return hostNode(edge.peer === '' ? 'other nodes' : edge.peer);
    default:
      return worldNode(world.has(edge.peer) ? edge.peer : '');
  }
}

/** The service that has this address, whatever the port. */
function serviceAt(names: Names, address: string): ServiceEntry | undefined {
  return address === '' ? undefined : [...names.services.values()].find((it) => it.addresses.includes(address));
}

/** Dropped before a backend was chosen: what is behind the service now, or the service itself if nothing is. */
function nodeOfService(service: ServiceEntry, names: Names, group: MapGroup): NodeIdentity {
  if (group === 'namespace') return namespaceNode(service.namespace);
  const [backend] = service.backends;
  const behind = group === 'service' || backend === undefined ? undefined : nodeIndex(names, group).nodeOf(backend);
  return behind ?? serviceNode(service);
}
