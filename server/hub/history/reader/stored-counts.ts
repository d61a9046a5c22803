/** What history counted of flows, by minute: hits of rules, and flows and drops for a strip of time. */
import type { RuleEntry } from '../../../wire/agent.ts';
import type { ReadEngine } from './prepared-engine.ts';
import { type Minutes, SqlValues, within } from './sql-text.ts';
import type { StoredSessions } from './stored-sessions.ts';

const COUNT_S = 30;

/** What one rule, or the defaults of some policies together, decided. */
export interface StoredHits {
  rule: RuleEntry;
  hits: number;
  /** Unix ns of the newest record with a hit. */
  last: number;
}

export interface StoredBucket {
  /** Unix seconds. */
  start: number;
  flows: number;
  /** Packets, with those whose records were suppressed. */
  drops: number;
  lost: boolean;
}

export class StoredCounts {
  readonly #engine: ReadEngine;
  readonly #sessions: StoredSessions;

  constructor(engine: ReadEngine, sessions: StoredSessions) {
    this.#engine = engine;
    this.#sessions = sessions;
  }

  /** Rejects with a StoreError. */
  async hits(minutes: Minutes, signal: AbortSignal): Promise<StoredHits[]> {
    const sql = new SqlValues();
    const rows = await this.#engine.rows<{ session: string; rule: number; hits: string; last: string }>(
      `SELECT session, rule, sum(hits) AS hits, reinterpretAsInt64(max(last)) AS last FROM policy_1m
        WHERE ${within(minutes, sql)} GROUP BY session, rule SETTINGS max_execution_time = ${COUNT_S}`,
      sql.values,
      signal,
    );
    const wanted = new Set(rows.map((row) => BigInt(row.session)));
    const sessions = await this.#sessions.load(wanted, BigInt(minutes.until) * 1_000_000_000n, signal);
    return rows.flatMap(({ session, rule: ref, hits, last }) => {
      const rule = sessions.get(BigInt(session))?.namesAt(BigInt(last)).rules.get(ref);
      return rule === undefined ? [] : [{ rule, hits: Number(hits), last: Number(last) }];
    });
  }

  /** Buckets of `length` seconds, whole minutes, from `since` on; those without anything are left out. */
  async buckets(minutes: Minutes, length: number, signal: AbortSignal): Promise<StoredBucket[]> {
    const sql = new SqlValues();
    const since = sql.bind('UInt32', minutes.since);
    const bucket = `intDiv(toUnixTimestamp(minute) - ${since}, ${sql.bind('UInt32', length)})`;
    const where = within(minutes, sql);
    const rows = await this.#engine.rows<{ at: string; flows: string; drops: string; lost: string }>(
      `SELECT at, sum(flows) AS flows, sum(drops) AS drops, sum(lost) AS lost FROM (
          SELECT ${bucket} AS at, sum(flows) AS flows, sum(dropped) AS drops, 0 AS lost FROM flows_1m WHERE ${where} GROUP BY at
          UNION ALL
          SELECT ${bucket} AS at, 0 AS flows, 0 AS drops, sum(lost_ring + lost_buffer + lost_transit) AS lost
          FROM node_1m WHERE ${where} GROUP BY at
        ) GROUP BY at ORDER BY at SETTINGS max_execution_time = ${COUNT_S}`,
      sql.values,
      signal,
    );
    return rows.map(({ at, flows, drops, lost }) => ({
      start: minutes.since + Number(at) * length,
      flows: Number(flows),
      drops: Number(drops),
      lost: lost !== '0',
    }));
  }
}
