/**
 * First step of the map: what the hub sends -> what is drawn. Nodes get their port rows and rates, an edge
 * becomes one line for what passed and one for what was dropped, namespaces become groups.
 */
import type { L7ProtocolName } from '../../../../server/wire/l7.ts';
import type { EdgeL7, MapEdge, MapNode, ServiceMap } from '../../../../server/wire/service-map.ts';

/** How a line ends: the picture of a verdict. */
export type LineEnd = 'forwarded' | 'dropped' | 'unanswered';

export interface Port {
  /** `TCP/8080` */
  key: string;
  port: number;
  protocol: string;
  /** Packets per second that arrived. */
  rate: number;
  /** p95 of the handshake, ns; null if nothing was measured. */
  p95: number | null;
  /** Of messages that arrived, null if none was read. */
  l7: PortL7 | null;
}

export interface PortL7 {
  protocol: L7ProtocolName;
  /** Requests per second. */
  rate: number;
  responses: number;
  errors: number;
  /** The worst of its edges, ns. */
  p95: number | null;
}

export interface GraphNode {
  id: string;
  node: MapNode;
  /** Namespace, null outside of any. */
  group: string | null;
  ports: Port[];
  /** Packets per second sent, tried (dropped) ones included. */
  out: number;
  /** Whether anything it sent has arrived. */
  hasReached: boolean;
  /** Something tried to reach it, and nothing has. */
  isUnreached: boolean;
}

export interface Line {
  id: string;
  edge: MapEdge;
  source: string;
  target: string;
  portKey: string;
  end: LineEnd;
  /** Where a drop happened. */
  stop: 'source' | 'target';
  /** Packets per second. */
  rate: number;
}

export interface Group {
  name: string;
  nodeIds: string[];
  pods: number;
  /** Packets per second across the border of the namespace, and dropped of what begins or ends in it. */
  in: number;
  out: number;
  dropped: number;
}

export interface Graph {
  nodes: Map<string, GraphNode>;
  groups: Map<string, Group>;
  lines: Line[];
}

/** Ports from here on are mostly picked for one connection. */
const EPHEMERAL = 32_768;

export const portKey = (edge: Pick<MapEdge, 'protocol' | 'port'>): string => `${edge.protocol}/${edge.port}`;

/** Only a policy of the receiving side stops a packet at its target; everything else is found before it. */
export function dropPlace(reasons: Readonly<Record<string, number>>): 'source' | 'target' {
  const [first] = Object.entries(reasons).toSorted(([, a], [, b]) => b - a);
  return first?.[0] === 'POLICY_DENIED' || first?.[0] === 'POLICY_DENY' ? 'target' : 'source';
}

/** What passed and what was dropped, a line each. */
export function linesOf(edge: MapEdge): Line[] {
  const lines: Line[] = [];
  if (edge.packets > 0 || edge.reply_packets > 0) {
    const isSilent = edge.connections > 0 && edge.answered === 0 && edge.reply_packets === 0;
    lines.push(lineOf(edge, edge.id, isSilent ? 'unanswered' : 'forwarded', 'target', edge.packet_rate));
  }
  if ((edge.verdicts['DROPPED'] ?? 0) > 0) {
    lines.push(lineOf(edge, `${edge.id}!`, 'dropped', dropPlace(edge.drop_reasons), edge.drop_rate));
  }
  return lines;
}

function lineOf(edge: MapEdge, id: string, end: LineEnd, stop: Line['stop'], rate: number): Line {
  return { id, edge, source: edge.source, target: edge.target, portKey: portKey(edge), end, stop, rate };
}

export function buildGraph(map: ServiceMap): Graph {
  const nodes = new Map<string, GraphNode>();
  for (const node of map.nodes) {
    // A namespace drawn as a node is not drawn once more around itself.
    const group = node.namespace === '' || node.kind === 'Namespace' ? null : node.namespace;
    nodes.set(node.id, {
      id: node.id,
      node: named(node),
      group,
      ports: [],
      out: 0,
      hasReached: false,
      isUnreached: false,
    });
  }
  const lines = map.edges.flatMap(linesOf).filter((it) => nodes.has(it.source) && nodes.has(it.target));
  for (const line of lines) addLine(nodes, line);
  const answered = new Set(lines.filter((it) => it.end === 'forwarded').map((it) => it.target));
  for (const node of nodes.values()) {
    node.isUnreached = node.ports.length > 0 && !answered.has(node.id);
    node.ports.sort(inRowOrder);
  }
  return { nodes, groups: groupsOf(nodes, lines), lines };
}

/** An address of the world goes by the name that DNS gave it. */
function named(node: MapNode): MapNode {
  return node.kind === 'World' ? { ...node, name: node.addresses[0] ?? node.name } : node;
}

/** By number, so that rows do not change places with their rates; ports of the moment come last. */
function inRowOrder(a: Port, b: Port): number {
  return Number(a.port >= EPHEMERAL) - Number(b.port >= EPHEMERAL) || a.port - b.port || (a.key < b.key ? -1 : 1);
}

function addLine(nodes: ReadonlyMap<string, GraphNode>, line: Line): void {
  const source = nodes.get(line.source);
  const target = nodes.get(line.target);
  if (source === undefined || target === undefined) return;
  source.out += line.rate;
  let port = target.ports.find((it) => it.key === line.portKey);
  if (port === undefined) {
    const { port: number, protocol } = line.edge;
    port = { key: line.portKey, port: number, protocol, rate: 0, p95: null, l7: null };
    target.ports.push(port);
  }
  if (line.end === 'dropped') return;
  if (line.end === 'forwarded') source.hasReached = true;
  port.rate += line.rate;
  const p95 = line.edge.rtt?.p95_ns ?? null;
  if (p95 !== null) port.p95 = Math.max(port.p95 ?? 0, p95);
  if (line.edge.l7 !== null) port.l7 = withEdge(port.l7, line.edge.l7);
}

function withEdge(port: PortL7 | null, edge: EdgeL7): PortL7 {
  const { protocol, rate, responses, errors, p95_ns: p95 } = edge;
  if (port === null) return { protocol, rate, responses, errors, p95 };
  return {
    protocol: port.rate >= rate ? port.protocol : protocol,
    rate: port.rate + rate,
    responses: port.responses + responses,
    errors: port.errors + errors,
    p95: p95 === null ? port.p95 : Math.max(port.p95 ?? 0, p95),
  };
}

function groupsOf(nodes: ReadonlyMap<string, GraphNode>, lines: readonly Line[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { id, group, node } of nodes.values()) {
    if (group === null) continue;
    const it = groups.get(group) ?? { name: group, nodeIds: [], pods: 0, in: 0, out: 0, dropped: 0 };
    it.nodeIds.push(id);
    it.pods += node.pods;
    groups.set(group, it);
  }
  for (const line of lines) {
    const from = groups.get(nodes.get(line.source)?.group ?? '');
    const to = groups.get(nodes.get(line.target)?.group ?? '');
    if (line.end === 'dropped') {
      if (from !== undefined) from.dropped += line.rate;
      if (to !== undefined && to !== from) to.dropped += line.rate;
    } else if (from !== to) {
      if (from !== undefined) from.out += line.rate;
      if (to !== undefined) to.in += line.rate;
    }
  }
  return groups;
}
