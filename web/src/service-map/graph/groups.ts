/** Namespaces as boxes around the cards of their workloads. */
import { around, type Box } from './geometry.ts';
import type { Graph } from './model.ts';

/** Boxes by node id. */
export type Places = ReadonlyMap<string, Box>;

export const GROUP_PADDING = { top: 38, side: 16, bottom: 16 };

/** The box of each namespace around its cards. */
export function groupBoxes(graph: Graph, boxes: Places): Map<string, Box> {
  const found = new Map<string, Box>();
  for (const group of graph.groups.values()) {
    const own = around(group.nodeIds.flatMap((id) => boxes.get(id) ?? []));
    if (own === null) continue;
    const { top, side, bottom } = GROUP_PADDING;
    const [width, height] = [own.width + 2 * side, own.height + top + bottom];
    found.set(group.name, { x: own.x - side, y: own.y - top, width, height });
  }
  return found;
}
