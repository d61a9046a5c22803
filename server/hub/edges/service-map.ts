/** Sums of edges -> the service map. Pure: the same window and names give the same map. */
import type { MapEdge, MapGroup, MapNode, Rtt, ServiceMap } from '../../wire/service-map.ts';
import { DROP_REASON_NAME, VERDICT, VERDICT_NAME } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import { protocolName } from '../../flows/facts.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import { formatTime } from '../../flows/timestamp.ts';
import { edgeMessages, type EdgeMessages, NO_MESSAGES } from '../l7/edge-messages.ts';
import type { SeriesWindow } from '../l7/l7-sums.ts';
import type { Window } from '../window-ring.ts';
import { busiestWorld, type Counted, nodeOfEnd, withoutSecondSight } from './ends.ts';
import { addAddresses, type NodeIdentity, nodeIndex, serviceDnsName } from './map-node.ts';
import { addTotals, type EdgeTotals, zeroTotals } from './tracked-edge.ts';

/** Parameters of the filter language that mean something for sums. */
export const MAP_FILTER_NAMES: readonly string[] = [
  ...['namespace', 'pod', 'workload', 'service', 'identity'].flatMap((name) => [name, `from-${name}`, `to-${name}`]),
  'port',
  'to-port',
  'protocol',
  'verdict',
  'drop-reason',
  'node-name',
  'fqdn',
  'from-fqdn',
  'to-fqdn',
];

/** Why a filter by messages is refused for the map. */
export function mapKnowsNoMessages(name: string): string {
  return `The map counts packets, which are of no application; leave protocols of applications out of "${name}", or ask /api/v1/l7.`;
}

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

/**
 * `agents` are the names of all agents that are connected, to count the pods behind each node; `l7` is what was read of
 * messages in the same window.
 */
export function serviceMap(
  window: Window<Counted, EdgeTotals>,
  group: MapGroup,
  filter: FlowFilter,
  agents: readonly Names[],
  l7: SeriesWindow | null,
): ServiceMap {
  const rows = [...window.rows].filter(([edge]) => filter.predicate(edge.names)(edge));
  const counted = withoutSecondSight(rows);
  const world = busiestWorld(counted, (totals) => totals.packets + totals.reply_packets);
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
  const messages = l7 === null ? NO_MESSAGES : edgeMessages(l7, group, filter, world);
  return {
    window: {
      since: formatTime(BigInt(window.since) * 1_000_000_000n),
      until: formatTime(BigInt(window.until) * 1_000_000_000n),
      exact: window.exact,
    },
    group,
    nodes: nodesOf([...sums.values()], group, agents),
    edges: [...sums].map(([id, sum]) => edgeOf(id, sum, window.covered, messages)),
  };
}

function newSum(source: NodeIdentity, target: NodeIdentity, edge: Counted): Sum {
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

function addToSum(sum: Sum, edge: Counted, totals: EdgeTotals): void {
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

function edgeOf(id: string, sum: Sum, seconds: number, messages: EdgeMessages): MapEdge {
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
    l7: messages.of(sum.source.id, sum.target.id, sum.port, sum.protocol),
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
  if (node.kind === 'World' && node.name !== 'other') {
    for (const names of agents) addAddresses(addresses, names.dns.of(node.name).slice(0, 1));
    addAddresses(addresses, [node.name]);
  }
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
