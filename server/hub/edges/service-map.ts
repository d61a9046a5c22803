/** Sums of edges -> the service map. Pure: the same window and names give the same map. */
import type { ServiceEntry } from '../../wire/agent.ts';
import type { MapEdge, MapGroup, MapNode, Rtt, ServiceMap } from '../../wire/service-map.ts';
import { DROP_REASON_NAME, IDENTITY, VERDICT, VERDICT_NAME } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import { type End, protocolName } from '../../flows/facts.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import { formatTime } from '../../flows/timestamp.ts';
import type { EdgeWindow } from './edge-ring.ts';
import {
  addAddresses,
  hostNode,
  namespaceNode,
  type NodeIdentity,
  nodeIndex,
  serviceDnsName,
  serviceNode,
  worldNode,
} from './map-node.ts';
import { addTotals, type EdgeTotals, type TrackedEdge, zeroTotals } from './tracked-edge.ts';

/** Addresses of the world with a node of their own; the rest share `world/other`. */
export const MAX_WORLD_NODES = 12;

/** Parameters of the filter language that mean something for sums. */
export const MAP_FILTER_NAMES: readonly string[] = [
  ...['namespace', 'pod', 'workload', 'service', 'identity'].flatMap((name) => [name, `from-${name}`, `to-${name}`]),
  'port',
  'to-port',
  'protocol',
  'verdict',
  'drop-reason',
  'node-name',
];

interface Sum {
  source: NodeIdentity;
  target: NodeIdentity;
  protocol: number;
  port: number;
  /** What passed. Dropped packets are only in `verdicts`. */
  totals: EdgeTotals;
  verdicts: Record<string, number>;
  dropReasons: Record<string, number>;
  dropped: number;
  /** `namespace/name` of the services addressed -> packets. */
  services: Map<string, { namespace: string; name: string; packets: number }>;
}

/** `agents` are the names of all agents that are connected, to count the pods behind each node. */
export function serviceMap(
  window: EdgeWindow,
  group: MapGroup,
  filter: FlowFilter,
  agents: readonly Names[],
): ServiceMap {
  const rows = [...window.rows].filter(([edge]) => filter.predicate(edge.names)(edge));
  const counted = withoutSecondSight(rows);
  const world = busiestWorld(counted);
  const sums = new Map<string, Sum>();
  for (const [edge, totals] of counted) {
    const source = nodeOfEnd(edge, 'source', group, world);
    const target = nodeOfEnd(edge, 'destination', group, world);
    const id = `${source.id}>${target.id}:${protocolName(edge.protocol)}/${edge.targetPort}`;
    let sum = sums.get(id);
    if (sum === undefined) {
      sum = newSum(source, target, edge);
      sums.set(id, sum);
    }
    addToSum(sum, edge, totals);
  }
  return {
    window: {
      since: formatTime(BigInt(window.since) * 1_000_000_000n),
      until: formatTime(BigInt(window.until) * 1_000_000_000n),
      exact: window.exact,
    },
    group,
    nodes: nodesOf([...sums.values()], group, agents),
    edges: [...sums].map(([id, sum]) => edgeOf(id, sum, window.covered)),
  };
}

/** Two nodes count a packet between them; what the sender's kernel counted stands for both. */
function withoutSecondSight(rows: [TrackedEdge, EdgeTotals][]): [TrackedEdge, EdgeTotals][] {
  if (!rows.some(([edge]) => edge.isArrivalOnly)) return rows;
  const sent = new Set<string>();
  for (const [edge] of rows) if (!edge.isArrivalOnly) sent.add(pairKey(edge));
  return rows.filter(([edge]) => !edge.isArrivalOnly || edge.verdict === VERDICT.DROPPED || !sent.has(pairKey(edge)));
}

function pairKey(edge: TrackedEdge): string {
  const end = (which: End): string => {
    const entry = edge.names.endpoints.get(edge.endpoint(which));
    return entry === undefined ? edge.peer : `${entry.namespace}/${entry.name}`;
  };
  return `${end('source')}>${end('destination')}:${edge.protocol}/${edge.targetPort}`;
}

function busiestWorld(rows: readonly [TrackedEdge, EdgeTotals][]): ReadonlySet<string> {
  const packets = new Map<string, number>();
  for (const [edge, totals] of rows) {
    if (edge.peer === '') continue;
    packets.set(edge.peer, (packets.get(edge.peer) ?? 0) + totals.packets + totals.reply_packets);
  }
  const order = [...packets].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return new Set(order.slice(0, MAX_WORLD_NODES).map(([address]) => address));
}

function nodeOfEnd(edge: TrackedEdge, end: End, group: MapGroup, world: ReadonlySet<string>): NodeIdentity {
  const endpoint = edge.endpoint(end);
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

function newSum(source: NodeIdentity, target: NodeIdentity, edge: TrackedEdge): Sum {
  return {
    source,
    target,
    protocol: edge.protocol,
    port: edge.targetPort,
    totals: zeroTotals(),
    verdicts: {},
    dropReasons: {},
    dropped: 0,
    services: new Map(),
  };
}

function addToSum(sum: Sum, edge: TrackedEdge, totals: EdgeTotals): void {
  const packets = totals.packets + totals.reply_packets;
  const verdict = VERDICT_NAME[edge.verdict] ?? String(edge.verdict);
  sum.verdicts[verdict] = (sum.verdicts[verdict] ?? 0) + packets;
  if (edge.verdict === VERDICT.DROPPED) {
    const reason = DROP_REASON_NAME[edge.dropReason] ?? String(edge.dropReason);
    sum.dropReasons[reason] = (sum.dropReasons[reason] ?? 0) + packets;
    sum.dropped += packets;
  } else {
    addTotals(sum.totals, totals);
  }
  const service = edge.names.services.get(edge.serviceId);
  if (service === undefined) return;
  const key = `${service.namespace}/${service.name}`;
  const known = sum.services.get(key) ?? { namespace: service.namespace, name: service.name, packets: 0 };
  known.packets += packets;
  sum.services.set(key, known);
}

function edgeOf(id: string, sum: Sum, seconds: number): MapEdge {
  const { totals } = sum;
  const [service] = [...sum.services.values()].toSorted((a, b) => b.packets - a.packets);
  return {
    id,
    source: sum.source.id,
    target: sum.target.id,
    protocol: protocolName(sum.protocol),
    port: sum.port,
    service: service === undefined ? null : { namespace: service.namespace, name: service.name },
    verdicts: sum.verdicts,
    drop_reasons: sum.dropReasons,
    packets: totals.packets,
    bytes: totals.bytes,
    reply_packets: totals.reply_packets,
    reply_bytes: totals.reply_bytes,
    connections: totals.connections,
    answered: totals.answered,
    connection_rate: totals.connections / seconds,
    packet_rate: (totals.packets + totals.reply_packets) / seconds,
    byte_rate: (totals.bytes + totals.reply_bytes) / seconds,
    drop_rate: sum.dropped / seconds,
    rtt: rttOf(totals.rtt),
    l7: null,
  };
}

/** Percentiles from log2 buckets of microseconds, interpolated within the bucket. */
export function rttOf(histogram: readonly number[]): Rtt | null {
  const count = histogram.reduce((sum, bucket) => sum + bucket, 0);
  if (count === 0) return null;
  const at = (share: number): number => {
    let rank = share * count;
    for (const [i, bucket] of histogram.entries()) {
      if (rank <= bucket && bucket > 0) return Math.round(1000 * 2 ** (i + rank / bucket));
      rank -= bucket;
    }
    return Math.round(1000 * 2 ** histogram.length);
  };
  return { count, p50_ns: at(0.5), p95_ns: at(0.95) };
}

function nodesOf(sums: readonly Sum[], group: MapGroup, agents: readonly Names[]): MapNode[] {
  const nodes = new Map<string, MapNode>();
  for (const identity of sums.flatMap((sum) => [sum.source, sum.target])) {
    if (nodes.has(identity.id)) continue;
    nodes.set(identity.id, { ...identity, ...membersOf(identity, group, agents) });
  }
  return [...nodes.values()];
}

function membersOf(
  node: NodeIdentity,
  group: MapGroup,
  agents: readonly Names[],
): { pods: number; addresses: string[] } {
  let pods = 0;
  const addresses: string[] = [];
  if (node.kind === 'World' && node.name !== 'other') addresses.push(node.name);
  for (const names of agents) {
    if (node.kind === 'Service') {
      for (const service of names.services.values()) {
        if (service.name === node.name && service.namespace === node.namespace) {
          addAddresses(addresses, [serviceDnsName(service), ...service.addresses]);
        }
      }
    }
    const members = nodeIndex(names, group).members(node.id);
    if (members === undefined) continue;
    // Agents know pods of other nodes as well: the one that knows most, not the sum.
    pods = Math.max(pods, members.pods);
    addAddresses(addresses, members.addresses);
  }
  return { pods, addresses };
}
