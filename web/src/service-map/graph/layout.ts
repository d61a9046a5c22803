/**
 * Positions: callers left, called right, namespaces as groups laid out alike (elk's layered layout). What
 * everybody talks to, or nobody reached, would tie every layer together: it stands in a row below.
 */
import type { ElkExtendedEdge, ElkNode, ElkPort } from 'elkjs/lib/elk-api.js';
import { isBelow, placeBelow } from './below.ts';
import { compactColumns } from './compact.ts';
import type { Box, Point } from './geometry.ts';
import { GROUP_PADDING, type Places } from './groups.ts';
import type { Graph, GraphNode } from './model.ts';
import { EXIT, rowMiddle, sizeOf } from './size.ts';

/** Elk does not hand these down to groups. */
const SPACING = {
  'elk.layered.spacing.nodeNodeBetweenLayers': '58',
  'elk.layered.spacing.edgeNodeBetweenLayers': '20',
  'elk.spacing.nodeNode': '20',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '10',
};

const OPTIONS = {
  ...SPACING,
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  // Lines are routed by our own step, which holds when something is added later; elk keeps lanes free for them.
  'elk.edgeRouting': 'POLYLINE',
  'elk.spacing.componentComponent': '24',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
};

/** What elk is asked: the busiest first, so that they stand on top. */
export function elkGraph(graph: Graph): ElkNode {
  const main = [...graph.nodes.values()].filter((it) => !isBelow(it)).toSorted(busiestFirst);
  const children: ElkNode[] = [];
  const groups = new Map<string, ElkNode>();
  for (const node of main) {
    if (node.group === null) children.push(elkNode(node));
    else if (groups.has(node.group)) groups.get(node.group)?.children?.push(elkNode(node));
    else {
      const { top, side, bottom } = GROUP_PADDING;
      const padding = `[top=${top},left=${side},bottom=${bottom},right=${side}]`;
      const group: ElkNode = { id: `group:${node.group}`, children: [elkNode(node)] };
      group.layoutOptions = { ...SPACING, 'elk.padding': padding };
      groups.set(node.group, group);
      children.push(group);
    }
  }
  const inside = new Set(main.map((it) => it.id));
  const edges: ElkExtendedEdge[] = graph.lines
    .filter((it) => inside.has(it.source) && inside.has(it.target) && it.source !== it.target)
    .toSorted((a, b) => b.rate - a.rate)
    .map(({ id, source, target, portKey, rate }) => ({
      id,
      sources: [`${source}>`],
      targets: [`${target}<${portKey}`],
      // Busy lines are straight, and decide which way is forward.
      layoutOptions: {
        'elk.layered.priority.straightness': String(Math.round(2 + 4 * Math.log10(1 + rate))),
        'elk.layered.priority.direction': String(Math.round(2 + 4 * Math.log10(1 + rate))),
      },
    }));
  return { id: 'root', children, edges, layoutOptions: OPTIONS };
}

function busiestFirst(a: GraphNode, b: GraphNode): number {
  const busy = (it: GraphNode): number => it.out + it.ports.reduce((sum, port) => sum + port.rate, 0);
  return busy(b) - busy(a) || (a.id < b.id ? -1 : 1);
}

function elkNode(node: GraphNode): ElkNode {
  const { width, height } = sizeOf(node);
  const side = (id: string, x: number, y: number, name: string): ElkPort => ({
    id,
    x,
    y,
    width: 0,
    height: 0,
    layoutOptions: { 'elk.port.side': name },
  });
  const ports = node.ports.map(({ key }) => side(`${node.id}<${key}`, 0, rowMiddle(node, key), 'WEST'));
  ports.push(side(`${node.id}>`, width, EXIT, 'EAST'));
  return { id: node.id, width, height, ports, layoutOptions: { 'elk.portConstraints': 'FIXED_POS' } };
}

/** What elk answered, with what stands below added. */
export function readLayout(graph: Graph, answer: ElkNode): Places {
  const boxes = new Map<string, Box>();
  for (const child of answer.children ?? []) {
    if (graph.nodes.has(child.id)) boxes.set(child.id, boxOf(child, { x: 0, y: 0 }));
    for (const node of child.children ?? []) boxes.set(node.id, boxOf(node, { x: child.x ?? 0, y: child.y ?? 0 }));
  }
  const compact = compactColumns(graph, boxes);
  placeBelow(graph, compact);
  return compact;
}

function boxOf(node: ElkNode, origin: Point): Box {
  const [x, y] = [origin.x + (node.x ?? 0), origin.y + (node.y ?? 0)];
  return { x: Math.round(x), y: Math.round(y), width: node.width ?? 0, height: node.height ?? 0 };
}
