/** How large things are, in map units (CSS pixels at scale 1). */
import type { GraphNode } from './model.ts';

export const CARD_WIDTH = 124;
export const CARD_MAX_WIDTH = 180;
/** What stands above the port rows, each row, and what is left below them. */
export const HEAD_HEIGHT = 30;
export const ROW_HEIGHT = 20;
const FOOT_HEIGHT = 6;
/** Lines leave a card as high as its first port row, so that a chain of calls is one straight line. */
export const EXIT = HEAD_HEIGHT + ROW_HEIGHT / 2;
/** Rows beyond this many are summed up in one. */
export const MAX_ROWS = 6;
/** Rough width of a character of the name, and what stands beside it: icon, replicas, paddings. */
export const NAME_CHARACTER = 7;
export const NAME_BESIDE = 42;

export interface Size {
  width: number;
  height: number;
}

/** Rows a card shows: its ports, or one line about what it sends. */
export function rowsOf(node: GraphNode): number {
  return Math.max(1, Math.min(node.ports.length, MAX_ROWS + 1));
}

/** Width that stands beside the name for its replicas: `×12`, `0 pods`. */
export function besideName({ node }: GraphNode): number {
  return NAME_BESIDE + (node.pods > 1 ? 24 : node.kind === 'Service' && node.pods === 0 ? 42 : 0);
}

export function sizeOf(node: GraphNode): Size {
  const name = node.node.name.length * NAME_CHARACTER + besideName(node);
  const width = Math.round(Math.min(CARD_MAX_WIDTH, Math.max(CARD_WIDTH, name)));
  return { width, height: HEAD_HEIGHT + rowsOf(node) * ROW_HEIGHT + FOOT_HEIGHT };
}

/** Vertical middle of a port's row, from the top of the card. */
export function rowMiddle(node: GraphNode, key: string): number {
  const index = node.ports.findIndex((it) => it.key === key);
  const row = Math.min(index < 0 ? 0 : index, MAX_ROWS);
  return HEAD_HEIGHT + (row + 0.5) * ROW_HEIGHT;
}
