/** Takes out what elk leaves empty between columns: a line needs only so much room for its turn. */
import type { Box } from './geometry.ts';
import { GROUP_PADDING } from './groups.ts';
import type { Graph } from './model.ts';

const COLUMN_GAP = 60;
/** Between groups there is room for the bar of a drop and its words. */
const GROUP_GAP = 78;

/** Boxes with every empty vertical strip at its proper width; nothing changes its order or its height. */
export function compactColumns(graph: Graph, boxes: ReadonlyMap<string, Box>): Map<string, Box> {
  const sorted = [...boxes].toSorted(([, a], [, b]) => a.x - b.x);
  const groupOf = (id: string): string | null => graph.nodes.get(id)?.group ?? null;
  const moved = new Map<string, Box>();
  let [right, shift] = [Number.POSITIVE_INFINITY, 0];
  let before: string[] = [];
  for (const [id, box] of sorted) {
    if (box.x > right) {
      const after = sorted.filter(([, it]) => it.x === box.x).map(([it]) => it);
      shift += Math.max(0, box.x - right - gapBetween(before.map(groupOf), after.map(groupOf)));
      before = [];
      right = Number.NEGATIVE_INFINITY;
    }
    before.push(id);
    right = Math.max(right === Number.POSITIVE_INFINITY ? box.x : right, box.x + box.width);
    moved.set(id, { ...box, x: box.x - shift });
  }
  return moved;
}

function gapBetween(before: readonly (string | null)[], after: readonly (string | null)[]): number {
  if (new Set([...before, ...after]).size === 1) return COLUMN_GAP;
  const borders = [before, after].filter((side) => side.some((it) => it !== null)).length;
  return GROUP_GAP + borders * GROUP_PADDING.side;
}
