/** Sums over whole minutes of history, as the trackers of live agents would have counted them. */
import type { L7ProtocolName } from '../../../wire/l7.ts';
import { COUNTS, type EdgeTotals, TrackedEdge, zeroTotals } from '../../edges/tracked-edge.ts';
import type { NamedEnds } from '../../edges/tracked-ends.ts';
import { type L7Totals, zeroL7 } from '../../l7/l7-totals.ts';
import { TrackedSeries } from '../../l7/tracked-series.ts';
import type { Names } from '../../../flows/dictionary.ts';
import { jsonLines } from './json-lines.ts';
import type { ReadEngine } from './prepared-engine.ts';
import { type Minutes, SqlValues, within } from './sql-text.ts';
import type { StoredSession, StoredSessions } from './stored-sessions.ts';

/** One question may take the store so long, seconds. */
const SUM_S = 30;
/** Most edges, and most series, of one window: about a kilobyte each. */
export const MAX_SUMS = 50_000;
const MINUTE_NS = 60_000_000_000n;

/** A window has more than anybody can use; `message` is a sentence for its reader. */
export class TooMuchError extends Error {
  override readonly name = 'TooMuchError';
}

export interface StoredWindow<Key, Totals> {
  rows: Map<Key, Totals>;
  /** Names of the nodes that counted, as they were at the window's end. */
  names: Names[];
}

const ENDS = 'source_endpoint, destination_endpoint, source_identity, destination_identity, service_id, port, peer';
const EDGE = `session, ${ENDS}, protocol, verdict, drop_reason`;
const SERIES = `session, ${ENDS}, protocol, route`;

interface EdgeRow extends NamedEnds {
  session: string;
  protocol: number;
  verdict: number;
  drop_reason: number;
  /** In the order of edges_1m. */
  grown: number[];
  last: string;
}

interface SeriesRow extends NamedEnds {
  session: string;
  protocol: L7ProtocolName;
  route: string;
  requests: string;
  responses: string;
  errors: string;
  latency_sum_ns: string;
  codes: Record<string, string>;
  latency: Record<string, string>;
  last: string;
}

export class StoredSums {
  readonly #engine: ReadEngine;
  readonly #sessions: StoredSessions;

  constructor(engine: ReadEngine, sessions: StoredSessions) {
    this.#engine = engine;
    this.#sessions = sessions;
  }

  /** Rejects with a StoreError or a TooMuchError. */
  async edges(minutes: Minutes, signal: AbortSignal): Promise<StoredWindow<TrackedEdge, EdgeTotals>> {
    const text = `SELECT ${EDGE}, sumForEach(arrayMap((b, a) -> toFloat64(b) - toFloat64(a), t, f)) AS grown, max(minute) AS last
      FROM (
        SELECT minute, ${EDGE}, min(\`from\`) AS f, max(\`to\`) AS t FROM edges_1m
        WHERE {within} GROUP BY minute, node, counters_id, slot, ${EDGE}
      ) GROUP BY ${EDGE}`;
    const found = await this.#rows<EdgeRow>(text, minutes, 'edges', signal);
    const { sessions, names } = await this.#named(found, minutes, signal);
    const rows = new Map<TrackedEdge, EdgeTotals>();
    for (const row of found) {
      const session = sessions.get(BigInt(row.session));
      if (session === undefined) continue;
      const counters = { ...row, slot: 0, ...zeroTotals(), rtt_histogram: [] };
      const totals = zeroTotals();
      for (const [i, count] of COUNTS.entries()) totals[count] = row.grown[i] ?? 0;
      const rtt = row.grown.slice(COUNTS.length);
      if (rtt.some((count) => count > 0)) totals.rtt = rtt;
      rows.set(new TrackedEdge(names(session, row.last), counters), totals);
    }
    return { rows, names: lastNames(found, sessions, names) };
  }

  /** Rejects with a StoreError or a TooMuchError. */
  async series(minutes: Minutes, signal: AbortSignal): Promise<StoredWindow<TrackedSeries, L7Totals>> {
    const grown = ['requests', 'responses', 'errors', 'latency_sum_ns'];
    const text = `SELECT ${SERIES}, ${grown.map((it) => `sum(${it}_) AS ${it}`).join(', ')},
        sumMap(codes_) AS codes, sumMap(latency_) AS latency, max(minute) AS last
      FROM (
        SELECT minute, ${SERIES}, ${grown.map((it) => `max(to_${it}) - min(from_${it}) AS ${it}_`).join(', ')},
          mapSubtract(maxMap(to_codes), minMap(from_codes)) AS codes_,
          mapSubtract(maxMap(to_latency), minMap(from_latency)) AS latency_
        FROM l7_1m WHERE {within} GROUP BY minute, node, series, ${SERIES}
      ) GROUP BY ${SERIES}`;
    const found = await this.#rows<SeriesRow>(text, minutes, 'routes', signal);
    const { sessions, names } = await this.#named(found, minutes, signal);
    const rows = new Map<TrackedSeries, L7Totals>();
    for (const row of found) {
      const session = sessions.get(BigInt(row.session));
      if (session === undefined) continue;
      const totals = zeroL7();
      totals.requests = Number(row.requests);
      totals.responses = Number(row.responses);
      totals.errors = Number(row.errors);
      totals.latencySumNs = Number(row.latency_sum_ns);
      for (const [code, count] of Object.entries(row.codes)) totals.codes.set(code, Number(count));
      for (const [bucket, count] of Object.entries(row.latency)) totals.latency.set(Number(bucket), Number(count));
      const series = { ...row, id: 0, requests: 0, responses: 0, errors: 0, codes: [], latency_sum_ns: 0, latency: [] };
      rows.set(new TrackedSeries(names(session, row.last), series), totals);
    }
    return { rows, names: lastNames(found, sessions, names) };
  }

  async #rows<Row>(text: string, minutes: Minutes, what: string, signal: AbortSignal): Promise<Row[]> {
    const sql = new SqlValues();
    const statement = `${text.replace('{within}', within(minutes, sql))} LIMIT ${MAX_SUMS + 1}
      SETTINGS max_execution_time = ${SUM_S}, output_format_json_quote_64bit_integers = 1 FORMAT JSONEachRow`;
    const rows: Row[] = [];
    for await (const line of jsonLines(this.#engine.stream(statement, sql.values, signal))) rows.push(line as Row);
    if (rows.length > MAX_SUMS)
      throw new TooMuchError(`The window has more than ${MAX_SUMS} ${what}; ask for a shorter one.`);
    return rows;
  }

  async #named(
    rows: readonly { session: string }[],
    { until }: Minutes,
    signal: AbortSignal,
  ): Promise<{
    sessions: ReadonlyMap<bigint, StoredSession>;
    names: (session: StoredSession, minute: string) => Names;
  }> {
    const keys = new Set(rows.map((row) => BigInt(row.session)));
    const sessions = await this.#sessions.load(keys, BigInt(until) * 1_000_000_000n, signal);
    return {
      sessions,
      // As they were at the end of the last minute that counted it.
      names: (session, minute) =>
        session.namesAt(BigInt(Date.parse(`${minute.replace(' ', 'T')}Z`)) * 1_000_000n + MINUTE_NS),
    };
  }
}

/** Of each node the names of the session that counted last. */
function lastNames(
  rows: readonly { session: string; last: string }[],
  sessions: ReadonlyMap<bigint, StoredSession>,
  names: (session: StoredSession, minute: string) => Names,
): Names[] {
  const newest = new Map<string, { session: StoredSession; last: string }>();
  for (const { session: key, last } of rows) {
    const session = sessions.get(BigInt(key));
    if (session === undefined) continue;
    const known = newest.get(session.node);
    if (known === undefined || known.last < last) newest.set(session.node, { session, last });
  }
  return [...newest.values()].map(({ session, last }) => names(session, last));
}
