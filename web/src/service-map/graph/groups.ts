/** Namespaces as boxes around the cards of their workloads. */
import { around, type Box } from './geometry.ts';
import type { Graph } from './model.ts';

/** Boxes by node id. */
export type Places = ReadonlyMap<string, Box>;

/** From this many nodes on a map is read from afar. */
export const MANY_NODES = 160;

export const GROUP_PADDING = { top: 38, side: 16, bottom: 16 };
/** Names are as large on a screen that shows hundreds of cards. */
const TOP_FROM_AFAR = 130;

/** Room for the name of a group above its cards. */
export const groupTop = (graph: Graph): number => (graph.nodes.size > MANY_NODES ? TOP_FROM_AFAR : GROUP_PADDING.top);

/** The box of each namespace around its cards. */
export function groupBoxes(graph: Graph, boxes: Places): Map<string, Box> {
  const found = new Map<string, Box>();
  for (const group of graph.groups.values()) {
    const own = around(group.nodeIds.flatMap((id) => boxes.get(id) ?? []));
    if (own === null) continue;
    const { side, bottom } = GROUP_PADDING;
    const top = groupTop(graph);
    const [width, height] = [own.width + 2 * side, own.height + top + bottom];
    found.set(group.name, { x: own.x - side, y: own.y - top, width, height });
  }
  return found;
}
