/** The newest flows of the current filter, newest first, bounded. A new array for each change, so that React can compare. */
import type { FlowRow, FlowsMessage } from '../../../server/wire/live.ts';

export const MAX_ROWS = 2000;

export interface FlowTail {
  rows: readonly FlowRow[];
  /** Every nth flow is shown; 1 = all. */
  sampled: number;
  /** Matching flows since the filter was set, shown or not. */
  matched: number;
  /** Whether the hub has answered this filter. */
  isKnown: boolean;
}

export const EMPTY_TAIL: FlowTail = { rows: [], sampled: 1, matched: 0, isKnown: false };

/** The tail after a message. Rows that are known already (sent again after a reconnect) are left out. */
export function addFlows(tail: FlowTail, messages: readonly FlowsMessage[]): FlowTail {
  const last = messages.at(-1);
  if (last === undefined) return tail;
  let newest = tail.rows[0]?.id ?? -1;
  const fresh: FlowRow[] = [];
  let matched = tail.matched;
  for (const message of messages) {
    matched += message.matched;
    for (const row of message.rows) {
      if (row.id <= newest) continue;
      newest = row.id;
      fresh.push(row);
    }
  }
  const rows = fresh.length === 0 ? tail.rows : [...fresh.reverse(), ...tail.rows].slice(0, MAX_ROWS);
  return { rows, sampled: last.sampled, matched, isKnown: true };
}
