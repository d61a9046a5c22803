/** Rows of a session and of all its names, as they are now. */
import { NameRows, sessionRow } from './name-rows.ts';
import { RowWriter } from './row-binary.ts';
import type { WrittenSession } from './written-session.ts';

/** Names are inserted in parts of about so many bytes. */
const PART_BYTES = 8 * 1024 * 1024;

export interface Introduction {
  session: Buffer[];
  /** One insert each. */
  names: Buffer[][];
}

export function introductionOf(session: WrittenSession, now: number): Introduction {
  const row = new RowWriter();
  sessionRow(row, session, now);
  const parts: RowWriter[] = [];
  const room = (): RowWriter => {
    const last = parts.at(-1);
    if (last !== undefined && last.length < PART_BYTES) return last;
    const next = new RowWriter();
    parts.push(next);
    return next;
  };
  new NameRows(room, session.session.names, now).all();
  return { session: row.slices(0, row.length), names: parts.map((part) => part.slices(0, part.length)) };
}
