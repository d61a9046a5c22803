/** What nodes said of their own counting, minute by minute: whether sums of a window are whole, and what is missing. */
import type { L7Losses } from '../../../wire/l7-table.ts';
import { zeroLosses } from '../../l7/l7-totals.ts';
import type { ReadEngine } from './prepared-engine.ts';
import { type Minutes, SqlValues, within } from './sql-text.ts';

const LEDGER_S = 30;
/** An agent that was connected for less of a minute may have counted what is not in its row. */
const WHOLE_MINUTE_S = 55;
const L7_LOSSES = ['ring', 'gaps', 'malformed', 'unsent', 'evicted'] as const;
/** Sums of node_1m. */
const COUNTS = ['lost_ring', 'lost_buffer', 'lost_transit', ...L7_LOSSES.map((it) => `l7_${it}` as const)] as const;

export interface StoredLedger {
  /** False if some minute of some node is not whole. */
  exact: boolean;
  /** Begin of the first minute that was counted, Unix seconds; null if none was. */
  first: number | null;
  /** Records that are missing. */
  lost: number;
  /** What is missing of messages, by node; only those that lost something. */
  losses: Map<string, L7Losses>;
}

type LedgerRow = Record<(typeof COUNTS)[number] | 'first' | 'last' | 'minutes' | 'short' | 'inexact', string> & {
  node: string;
};

/** Rejects with a StoreError. */
export async function readLedger(engine: ReadEngine, minutes: Minutes, signal: AbortSignal): Promise<StoredLedger> {
  const sql = new SqlValues();
  const each = (of: 'max' | 'sum'): string => COUNTS.map((it) => `${of}(n.${it}) AS ${it}`).join(', ');
  // A hub may write a minute several times. Of several hubs that saw a session, the one that saw most counts. An agent
  // that began anew has two sessions.
  const byHub = `SELECT minute, node, session, hub, max(n.connected_s) AS connected, min(n.exact) AS whole, ${each('max')}
    FROM node_1m AS n WHERE ${within(minutes, sql)} GROUP BY minute, node, session, hub`;
  const bySession = `SELECT minute, node, session, max(n.connected) AS connected, max(n.whole) AS whole, ${each('max')}
    FROM (${byHub}) AS n GROUP BY minute, node, session`;
  const byMinute = `SELECT minute, node, sum(n.connected) AS connected, min(n.whole) AS whole, ${each('sum')}
    FROM (${bySession}) AS n GROUP BY minute, node`;
  const rows = await engine.rows<LedgerRow>(
    `SELECT node, toUnixTimestamp(min(n.minute)) AS first, toUnixTimestamp(max(n.minute)) AS last, count() AS minutes,
        countIf(n.connected < ${WHOLE_MINUTE_S}) AS short, countIf(n.whole = 0) AS inexact, ${each('sum')}
      FROM (${byMinute}) AS n GROUP BY node SETTINGS max_execution_time = ${LEDGER_S}`,
    sql.values,
    signal,
  );
  let first = Infinity;
  let last = -Infinity;
  let exact = true;
  let lost = 0;
  const losses = new Map<string, L7Losses>();
  for (const row of rows) {
    const ofNode = zeroLosses();
    for (const cause of L7_LOSSES) ofNode[cause] = Number(row[`l7_${cause}`]);
    if (L7_LOSSES.some((cause) => ofNode[cause] > 0)) losses.set(row.node, ofNode);
    lost += Number(row.lost_ring) + Number(row.lost_buffer) + Number(row.lost_transit);
    first = Math.min(first, Number(row.first));
    last = Math.max(last, Number(row.last));
    const span = (Number(row.last) - Number(row.first)) / 60 + 1;
    exact &&= row.short === '0' && row.inexact === '0' && Number(row.minutes) === span;
  }
  return {
    exact: exact && first <= minutes.since && last >= minutes.until - 60,
    first: rows.length === 0 ? null : first,
    lost,
    losses,
  };
}
