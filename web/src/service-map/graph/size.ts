/** How large things are, in map units (CSS pixels at scale 1). */
import type { GraphNode } from './model.ts';

export const CARD_WIDTH = 124;
const CARD_MAX_WIDTH = 180;
/** Card without port rows, and what each row adds. */
const HEAD_HEIGHT = 33;
export const ROW_HEIGHT = 21;
/** Rows beyond this many are summed up in one. */
export const MAX_ROWS = 6;
/** Rough width of a character of the 13 px name, and what stands beside it: icon, replicas, paddings. */
const NAME_CHARACTER = 7.4;
const NAME_BESIDE = 62;

export interface Size {
  width: number;
  height: number;
}

/** Rows a card shows: its ports, or one line about what it sends. */
export function rowsOf(node: GraphNode): number {
  return Math.max(1, Math.min(node.ports.length, MAX_ROWS + 1));
}

export function sizeOf(node: GraphNode): Size {
  const name = node.node.name.length * NAME_CHARACTER + NAME_BESIDE;
  const width = Math.round(Math.min(CARD_MAX_WIDTH, Math.max(CARD_WIDTH, name)));
  return { width, height: HEAD_HEIGHT + rowsOf(node) * ROW_HEIGHT + 2 };
}

/** Vertical middle of a port's row, from the top of the card. */
export function rowMiddle(node: GraphNode, key: string): number {
  const index = node.ports.findIndex((it) => it.key === key);
  const row = Math.min(index < 0 ? 0 : index, MAX_ROWS);
  return HEAD_HEIGHT + (row + 0.5) * ROW_HEIGHT;
}
