/**
 * Positions for maps too large for the layered layout to be worth its time: each namespace in columns by who
 * calls whom, namespaces packed in rows, the most called to the right. Nobody follows single lines at that
 * size; namespaces, rates and drops are what is read.
 */
import { group } from 'd3';
import { isBelow, placeBelow } from './below.ts';
import type { Box } from './geometry.ts';
import { GROUP_PADDING, groupTop, type Places } from './groups.ts';
import type { Graph, GraphNode } from './model.ts';
import { sizeOf } from './size.ts';

const COLUMN = 184;
const GAP = 20;
const GROUP_GAP = 90;
const ASPECT = 2.3;
/** Rounds of walking along calls; deeper chains share the last column. */
const MAX_DEPTH = 5;

export function quickLayout(graph: Graph): Places {
  const boxes = new Map<string, Box>();
  const depths = depthsOf(graph);
  const main = [...graph.nodes.values()].filter((it) => !isBelow(it));
  const members = group(main, (it) => it.group ?? '');
  const blocks = [...members].map(([name, nodes]) => ({ name, ...blockOf(nodes, depths, groupTop(graph)) }));
  const area = blocks.reduce((sum, it) => sum + (it.width + GROUP_GAP) * (it.height + GROUP_GAP), 0);
  const widest = Math.max(0, ...blocks.map((it) => it.width));
  const limit = Math.max(widest, Math.sqrt(area * ASPECT));
  let [x, y, rowHeight] = [0, 0, 0];
  for (const block of blocks.toSorted((a, b) => a.depth - b.depth || (a.name < b.name ? -1 : 1))) {
    if (x > 0 && x + block.width > limit) [x, y, rowHeight] = [0, y + rowHeight + GROUP_GAP, 0];
    for (const [id, box] of block.boxes) boxes.set(id, { ...box, x: x + box.x, y: y + box.y });
    x += block.width + GROUP_GAP;
    rowHeight = Math.max(rowHeight, block.height);
  }
  placeBelow(graph, boxes);
  return boxes;
}

/** Calls between a node and the start of its chain, at most MAX_DEPTH. */
function depthsOf(graph: Graph): Map<string, number> {
  const depths = new Map([...graph.nodes.keys()].map((id) => [id, 0]));
  for (let round = 1; round <= MAX_DEPTH; round++) {
    for (const { source, target } of graph.lines) {
      if (source === target || (depths.get(source) ?? 0) !== round - 1) continue;
      depths.set(target, Math.max(depths.get(target) ?? 0, round));
    }
  }
  return depths;
}

interface Block {
  width: number;
  height: number;
  depth: number;
  boxes: Map<string, Box>;
}

/** Cards of a namespace, column by column in the order of their depth, in a block of about ASPECT. */
function blockOf(nodes: readonly GraphNode[], depths: ReadonlyMap<string, number>, top: number): Block {
  const sorted = nodes.toSorted((a, b) => (depths.get(a.id) ?? 0) - (depths.get(b.id) ?? 0) || (a.id < b.id ? -1 : 1));
  const total = sorted.reduce((sum, it) => sum + sizeOf(it).height + GAP, 0);
  const high = Math.max(sizeOf(sorted[0] as GraphNode).height, Math.sqrt((total * COLUMN) / ASPECT));
  const boxes = new Map<string, Box>();
  const { side, bottom } = GROUP_PADDING;
  let [x, y, width, height] = [side, top, 0, 0];
  for (const node of sorted) {
    const size = sizeOf(node);
    if (y > top && y - top + size.height > high) [x, y] = [x + COLUMN + 12, top];
    boxes.set(node.id, { x, y, ...size });
    y += size.height + GAP;
    width = Math.max(width, x + size.width + side);
    height = Math.max(height, y - GAP + bottom);
  }
  const depth = sorted.reduce((sum, it) => sum + (depths.get(it.id) ?? 0), 0) / Math.max(1, sorted.length);
  return { width, height, depth, boxes };
}
