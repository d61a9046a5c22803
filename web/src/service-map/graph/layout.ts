/**
 * Positions: callers left, called right, namespaces as groups laid out alike (elk's layered layout). What
 * everybody talks to, kube-system and the host, would tie every layer together: it goes below.
 */
import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import { around, type Box, type Curve, grow, type Point } from './geometry.ts';
import type { Graph, GraphNode, Line } from './model.ts';
import { rowMiddle, sizeOf } from './size.ts';

export interface Layout {
  /** By node id. */
  boxes: Map<string, Box>;
  /** By line id; valid while both ends stay where they are. */
  routes: Map<string, Curve>;
}

export const GROUP_PADDING = { top: 40, side: 14, bottom: 14 };
const GAP_BELOW = 22;
const BELOW = 'kube-system';

/** Elk does not hand these down to groups. */
const SPACING = {
  'elk.layered.spacing.nodeNodeBetweenLayers': '64',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.spacing.nodeNode': '18',
  'elk.spacing.edgeNode': '12',
  'elk.spacing.edgeEdge': '10',
};

const OPTIONS = {
  ...SPACING,
  // Between groups there is room for the bar of a drop and its words.
  'elk.layered.spacing.nodeNodeBetweenLayers': '112',
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'SPLINES',
  'elk.json.edgeCoords': 'ROOT',
  'elk.spacing.componentComponent': '24',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
};

/** Whether a node stands below the others. */
export function isBelow(node: GraphNode): boolean {
  return node.group === BELOW || node.node.kind === 'Host';
}

/** What elk is asked. */
export function elkGraph(graph: Graph): ElkNode {
  const main = [...graph.nodes.values()].filter((it) => !isBelow(it));
  const children: ElkNode[] = main.filter((it) => it.group === null).map(elkNode);
  for (const { name } of graph.groups.values()) {
    const nodes = main.filter((it) => it.group === name);
    if (nodes.length === 0) continue;
    const { top, side, bottom } = GROUP_PADDING;
    children.push({
      id: `group:${name}`,
      children: nodes.map(elkNode),
      layoutOptions: { ...SPACING, 'elk.padding': `[top=${top},left=${side},bottom=${bottom},right=${side}]` },
    });
  }
  const inside = new Set(main.map((it) => it.id));
  const edges: ElkExtendedEdge[] = graph.lines
    .filter((it) => inside.has(it.source) && inside.has(it.target) && it.source !== it.target)
    .map((it) => ({ id: it.id, sources: [`${it.source}>`], targets: [`${it.target}<${it.portKey}`] }));
  return { id: 'root', children, edges, layoutOptions: OPTIONS };
}

function elkNode(node: GraphNode): ElkNode {
  const { width, height } = sizeOf(node);
  const ports = node.ports.map((it) => ({
    id: `${node.id}<${it.key}`,
    x: 0,
    y: rowMiddle(node, it.key),
    width: 0,
    height: 0,
    layoutOptions: { 'elk.port.side': 'WEST' },
  }));
  const out = {
    id: `${node.id}>`,
    x: width,
    y: height / 2,
    width: 0,
    height: 0,
    layoutOptions: { 'elk.port.side': 'EAST' },
  };
  return { id: node.id, width, height, ports: [...ports, out], layoutOptions: { 'elk.portConstraints': 'FIXED_POS' } };
}

/** What elk answered, with what stands below added. */
export function readLayout(graph: Graph, answer: ElkNode): Layout {
  const boxes = new Map<string, Box>();
  for (const child of answer.children ?? []) {
    const at = { x: child.x ?? 0, y: child.y ?? 0 };
    if (graph.nodes.has(child.id)) boxes.set(child.id, boxOf(child, { x: 0, y: 0 }));
    for (const node of child.children ?? []) boxes.set(node.id, boxOf(node, at));
  }
  const routes = new Map<string, Curve>();
  for (const edge of answer.edges ?? []) {
    const section = edge.sections?.[0];
    if (section === undefined) continue;
    const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
    if (points.length >= 4 && (points.length - 1) % 3 === 0) routes.set(edge.id, points);
  }
  placeBelow(graph, boxes);
  return { boxes, routes };
}

function boxOf(node: ElkNode, origin: Point): Box {
  return { x: origin.x + (node.x ?? 0), y: origin.y + (node.y ?? 0), width: node.width ?? 0, height: node.height ?? 0 };
}

function placeBelow(graph: Graph, boxes: Map<string, Box>): void {
  const all = around(groupBoxes(graph, boxes).values());
  const frame = around([...boxes.values(), ...(all === null ? [] : [all])]) ?? { x: 0, y: 0, width: 0, height: 0 };
  const y = frame.y + frame.height + GAP_BELOW;
  const hosts = [...graph.nodes.values()].filter((it) => it.node.kind === 'Host');
  const others = [...graph.nodes.values()].filter((it) => isBelow(it) && it.node.kind !== 'Host');
  let x = frame.x;
  for (const host of hosts) {
    boxes.set(host.id, { x, y: y + GROUP_PADDING.top, ...sizeOf(host) });
    x += sizeOf(host).width + 24;
  }
  const width = others.reduce((sum, it) => sum + sizeOf(it).width + 24, -24);
  x = Math.max(x + GROUP_PADDING.side, frame.x + (frame.width - width) / 2);
  for (const node of others) {
    boxes.set(node.id, { x, y: y + GROUP_PADDING.top, ...sizeOf(node) });
    x += sizeOf(node).width + 24;
  }
}

/** The box of each namespace around its cards. */
export function groupBoxes(graph: Graph, boxes: ReadonlyMap<string, Box>): Map<string, Box> {
  const found = new Map<string, Box>();
  for (const group of graph.groups.values()) {
    const own = around(group.nodeIds.flatMap((id) => boxes.get(id) ?? []));
    if (own === null) continue;
    const { top, side, bottom } = GROUP_PADDING;
    found.set(group.name, {
      x: own.x - side,
      y: own.y - top,
      width: own.width + 2 * side,
      height: own.height + top + bottom,
    });
  }
  return found;
}

/**
 * Places what is new beside what it talks to, and moves nothing. Sizes follow the cards. A card that
 * would lie on another goes further down.
 */
export function extendLayout(graph: Graph, layout: Layout): Layout {
  const boxes = new Map<string, Box>();
  for (const node of graph.nodes.values()) {
    const box = layout.boxes.get(node.id);
    if (box !== undefined) boxes.set(node.id, { ...box, ...sizeOf(node) });
  }
  for (const node of graph.nodes.values()) {
    if (!boxes.has(node.id)) boxes.set(node.id, freePlace(node, graph, boxes));
  }
  return { boxes, routes: layout.routes };
}

function freePlace(node: GraphNode, graph: Graph, boxes: ReadonlyMap<string, Box>): Box {
  const mates = [...graph.nodes.values()].flatMap((it) =>
    it.group === node.group && it.group !== null ? (boxes.get(it.id) ?? []) : [],
  );
  const neighbour = graph.lines.flatMap((it) =>
    it.target === node.id ? (boxes.get(it.source) ?? []) : it.source === node.id ? (boxes.get(it.target) ?? []) : [],
  )[0];
  const home = mates[0] ?? neighbour ?? around(boxes.values()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const size = sizeOf(node);
  const isOutside = mates.length === 0;
  let box: Box = { x: isOutside ? home.x + home.width + 80 : home.x, y: home.y, ...size };
  const taken = [...boxes.values()];
  while (taken.some((it) => overlap24(it, box))) box = { ...box, y: box.y + 24 };
  return box;
}

function overlap24(a: Box, b: Box): boolean {
  const g = grow(a, 16);
  return g.x < b.x + b.width && b.x < g.x + g.width && g.y < b.y + b.height && b.y < g.y + g.height;
}

/** Where a line leaves and where it arrives. */
export function endsOf(line: Line, graph: Graph, boxes: ReadonlyMap<string, Box>): { from: Point; to: Point } | null {
  const [a, b, target] = [boxes.get(line.source), boxes.get(line.target), graph.nodes.get(line.target)];
  if (a === undefined || b === undefined || target === undefined) return null;
  return {
    from: { x: a.x + a.width, y: a.y + a.height / 2 },
    to: { x: b.x, y: b.y + rowMiddle(target, line.portKey) },
  };
}
