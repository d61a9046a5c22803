/** How large things are, in map units (CSS pixels at scale 1). */
import type { GraphNode, Port } from './model.ts';

export const CARD_WIDTH = 124;
export const CARD_MAX_WIDTH = 180;
/** What stands above the port rows, each row, and what is left below them. */
export const HEAD_HEIGHT = 30;
export const ROW_HEIGHT = 20;
/** Below the row of a port whose messages are read: their latency and errors. */
export const NOTE_HEIGHT = 16;
const FOOT_HEIGHT = 6;
/** A card with such notes is as wide as the longest: `p95 126 ms` and `err < 0.1 %`. */
const NOTE_WIDTH = 148;
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

/** Height of the rows that a card shows: its ports, or one line about what it sends. */
function rowsHeight({ ports }: GraphNode): number {
  const rows = Math.max(1, Math.min(ports.length, MAX_ROWS + 1));
  return rows * ROW_HEIGHT + notesBefore(ports, MAX_ROWS) * NOTE_HEIGHT;
}

/** Notes below the first `count` ports. */
function notesBefore(ports: readonly Port[], count: number): number {
  return ports.slice(0, count).filter((it) => it.l7 !== null).length;
}

/** Width that stands beside the name for its replicas: `×12`, `0 pods`. */
export function besideName({ node }: GraphNode): number {
  return NAME_BESIDE + (node.pods > 1 ? 24 : node.kind === 'Service' && node.pods === 0 ? 42 : 0);
}

export function sizeOf(node: GraphNode): Size {
  const name = node.node.name.length * NAME_CHARACTER + besideName(node);
  const least = notesBefore(node.ports, MAX_ROWS) > 0 ? NOTE_WIDTH : CARD_WIDTH;
  const width = Math.round(Math.min(CARD_MAX_WIDTH, Math.max(least, name)));
  return { width, height: HEAD_HEIGHT + rowsHeight(node) + FOOT_HEIGHT };
}

/** Vertical middle of a port's row, from the top of the card. */
export function rowMiddle(node: GraphNode, key: string): number {
  const index = node.ports.findIndex((it) => it.key === key);
  const row = Math.min(index < 0 ? 0 : index, MAX_ROWS);
  return HEAD_HEIGHT + (row + 0.5) * ROW_HEIGHT + notesBefore(node.ports, row) * NOTE_HEIGHT;
}
