/** Rows that are inserted together, a table after the other: first the names, then the flows that use them. */
import { FLOW_COLUMNS } from './flow-rows.ts';
import { RowWriter } from './row-binary.ts';
import { TABLES } from './tables.ts';
import type { WrittenSession } from './written-session.ts';

/** Tables that hubs write, in the order of writing; columns in the order of their rows. */
export const WRITTEN = {
  sessions: columnsOf('sessions'),
  names: columnsOf('names'),
  flows: FLOW_COLUMNS,
  edges_1m: columnsOf('edges_1m'),
  l7_1m: columnsOf('l7_1m'),
  node_1m: columnsOf('node_1m'),
} as const satisfies Record<string, readonly string[]>;

export type WrittenTable = keyof typeof WRITTEN;
export const WRITTEN_TABLES = Object.keys(WRITTEN) as WrittenTable[];

/** A batch in a block: its rows, between two places of the block's flows. */
export interface Piece {
  session: WrittenSession;
  batch: number;
  count: number;
  from: number;
  to: number;
  /** Unix ns of its newest record, rounded to 256 ns; 0 without records. */
  newest: number;
  /** Flow id after its last record. */
  nextId: number;
}

export class Block {
  readonly number: number;
  /** Unix seconds: partition of its flows. */
  readonly arrived: number;
  readonly begunMs = performance.now();
  readonly pieces: Piece[] = [];
  /** Whose names its rows use. */
  readonly sessions = new Set<WrittenSession>();
  readonly #rows = new Map<WrittenTable, RowWriter>();

  constructor(number: number, arrived: number) {
    this.number = number;
    this.arrived = arrived;
  }

  /** Where to write rows of a table that use the session's names. */
  to(table: WrittenTable, session: WrittenSession): RowWriter {
    this.sessions.add(session);
    let rows = this.#rows.get(table);
    if (rows === undefined) {
      rows = new RowWriter();
      this.#rows.set(table, rows);
    }
    return rows;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { length } of this.#rows.values()) bytes += length;
    return bytes;
  }

  get isEmpty(): boolean {
    return this.pieces.length === 0 && this.#rows.size === 0;
  }

  has(table: WrittenTable): boolean {
    return this.#rows.has(table);
  }

  /** The rows of a table; of flows only those that the store did not have before. */
  rows(table: WrittenTable): Buffer[] {
    const rows = this.#rows.get(table);
    if (rows === undefined) return [];
    if (table !== 'flows') return rows.slices(0, rows.length);
    // Neighbours are one run: mostly it is the whole block.
    const runs: { from: number; to: number }[] = [];
    for (const { session, batch, from, to } of this.pieces) {
      if (session.hadBefore(batch)) continue;
      const last = runs.at(-1);
      if (last?.to === from) last.to = to;
      else runs.push({ from, to });
    }
    return runs.flatMap(({ from, to }) => rows.slices(from, to));
  }

  /** Flows that the store did not have before. */
  get count(): number {
    return this.pieces.reduce((sum, { session, batch, count }) => sum + (session.hadBefore(batch) ? 0 : count), 0);
  }
}

function columnsOf(name: string): readonly string[] {
  const table = TABLES.find((it) => it.name === name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table.columns.filter((column) => !column.startsWith('INDEX ')).map((column) => column.split(' ', 1)[0] ?? '');
}
