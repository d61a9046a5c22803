/** The row below: the node itself, the world nobody reached, and kube-system, each near those who talk to it. */
import { around, type Box } from './geometry.ts';
import { GROUP_PADDING, groupBoxes, groupTop } from './groups.ts';
import type { Graph, GraphNode } from './model.ts';
import { sizeOf } from './size.ts';

const SYSTEM = 'kube-system';
/** Room for lanes between the row and what stands above it. */
const LANES = 26;
/** Between cards, for the turn of a line that comes from above. */
const GAP = 62;
/** Room for the words of a fold beside the host, whose probes are mostly folded. */
const FOLD_WORDS = 150;
/** Between a caller and what it calls. */
const TURN = 74;

/** Whether a node stands below the others. */
export function isBelow({ node, isUnreached }: GraphNode): boolean {
  return node.namespace === SYSTEM || node.kind === 'Host' || (node.kind === 'World' && isUnreached);
}

/** Adds the boxes of the row to those of everything else. */
export function placeBelow(graph: Graph, boxes: Map<string, Box>): void {
  const above = around([...boxes.values(), ...groupBoxes(graph, boxes).values()]);
  const frame = above ?? { x: 0, y: 0, width: 0, height: 0 };
  const isInGroup = [...boxes.keys()].some((id) => graph.nodes.get(id)?.group !== null);
  const y = frame.y + frame.height + LANES + groupTop(graph);
  let free = frame.x + (isInGroup ? GROUP_PADDING.side : 0);
  const row = [...graph.nodes.values()].filter(isBelow).toSorted((a, b) => rank(a) - rank(b));
  for (const [i, node] of row.entries()) {
    const size = sizeOf(node);
    const previous = row[i - 1];
    // A group needs its padding before its first card.
    if (previous !== undefined && previous.group !== node.group) free += GROUP_PADDING.side;
    const x = Math.max(free, Math.min(besideCallers(node, graph, boxes), frame.x + frame.width - size.width - 16));
    boxes.set(node.id, { x, y, ...size });
    free = x + size.width + (node.node.kind === 'Host' ? FOLD_WORDS : GAP);
  }
}

const rank = ({ node, ports }: GraphNode): number =>
  node.kind === 'Host' ? 0 : node.kind === 'World' ? 1 : ports.length === 0 ? 2 : 3;

/** Right of the rightmost of its callers, so that their lines go forward; 0 without any. */
function besideCallers(node: GraphNode, graph: Graph, boxes: ReadonlyMap<string, Box>): number {
  const callers = graph.lines.flatMap((it) => (it.target === node.id ? (boxes.get(it.source) ?? []) : []));
  return Math.max(0, ...callers.map((it) => it.x + it.width + TURN));
}
