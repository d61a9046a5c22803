/** Reads stored flows page by page, each page where the one before ended, so that memory stays flat however long it takes. */
import type { Names } from '../../../flows/dictionary.ts';
import type { RecordCursor } from '../../../flows/record.ts';
import { compareKeys, type FlowKey } from '../../store/flow-key.ts';
import type { HeldPlaces } from '../../store/held-places.ts';
import type { RangeQuery } from '../../store/memory-flows.ts';
import type { ReadEngine } from './prepared-engine.ts';
import { filterSql } from './filter-sql.ts';
import { FLOW_COLUMNS, type FlowRow, FlowRowReader } from './flow-rows.ts';
import { all, any, SqlValues } from './sql-text.ts';
import type { StoredSession, StoredSessions } from './stored-sessions.ts';

/** Rows of the first page and of later ones. */
const FIRST_PAGE = 256;
const MAX_PAGE = 16_384;
/** A page ends early when it has so many bytes. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** One page may take the store so long. */
const PAGE_S = 30;
/** Sessions of which the store leaves out what is not wanted; of others the reader does. */
const MAX_LEFT_OUT = 500;
/** Above any place. */
const NO_PLACE = 2 ** 53;

/** A flow in history; nothing takes it away. */
export interface StoredFlow extends FlowKey {
  readonly row: FlowRow;
  readonly from: StoredSession;
}

export class StoredFlows {
  readonly #engine: ReadEngine;
  readonly #sessions: StoredSessions;

  constructor(engine: ReadEngine, sessions: StoredSessions) {
    this.#engine = engine;
    this.#sessions = sessions;
  }

  /**
   * The flows that the query selects, but for those that memory had, in the order of keys or against it, some at a
   * time. Rejects with a StoreError, or the signal's reason.
   */
  async *pages(
    query: RangeQuery,
    direction: 'forward' | 'backward',
    held: HeldPlaces,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFlow[]> {
    let { after, before } = query;
    for (let size = FIRST_PAGE; ; size = Math.min(MAX_PAGE, size * 4)) {
      const { rows, isLast } = await this.#page({ ...query, after, before }, direction, held, size, signal);
      const wanted: FlowRow[] = [];
      let previous: FlowRow | null = null;
      for (const row of rows) {
        // What was written twice stands side by side.
        if (previous !== null && compareKeys(previous, row) === 0) continue;
        previous = row;
        if (!held.has(row)) wanted.push(row);
      }
      yield await this.#matching(wanted, query, signal);
      if (isLast || previous === null) return;
      if (direction === 'forward') after = previous;
      else before = previous;
    }
  }

  /** Those of these flows that are stored and that the query selects, in any order. */
  async at(keys: readonly FlowKey[], query: RangeQuery, signal: AbortSignal): Promise<StoredFlow[]> {
    const wanted = new Map(keys.map((key) => [`${key.session} ${key.sequence}`, key] as const));
    const times = keys.map((key) => key.time).sort((a, b) => (a < b ? -1 : 1));
    const [first] = times;
    const last = times.at(-1);
    if (first === undefined || last === undefined) return [];
    const sql = new SqlValues();
    const where = all([
      `time BETWEEN ${timeSql(first, sql)} AND ${timeSql(last, sql)}`,
      `session IN ${sql.bind('Array(UInt64)', [...new Set(keys.map((key) => key.session))])}`,
      `sequence IN ${sql.bind('Array(UInt64)', [...new Set(keys.map((key) => key.sequence))])}`,
    ]);
    return this.#unordered(where, sql, query, (row) => wanted.delete(`${row.session} ${row.sequence}`), signal);
  }

  /** The flows of runs of places that the query selects, in any order. Times are bounds in Unix ns. */
  async runs(
    runs: readonly { session: bigint; from: number; to: number; since: bigint; until: bigint }[],
    query: RangeQuery,
    signal: AbortSignal,
  ): Promise<{ flows: StoredFlow[]; found: number }> {
    const sql = new SqlValues();
    const where = any(
      runs.map(({ session, from, to, since, until }) =>
        all([
          `time BETWEEN ${timeSql(since, sql)} AND ${timeSql(until, sql)}`,
          `session = ${sql.bind('UInt64', session)}`,
          `sequence >= ${sql.bind('UInt64', from)}`,
          `sequence < ${sql.bind('UInt64', to)}`,
        ]),
      ),
    );
    const seen = new Set<string>();
    const isNew = (row: FlowRow): boolean => {
      const key = `${row.session} ${row.sequence}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    };
    const flows = await this.#unordered(where, sql, query, isNew, signal);
    return { flows, found: seen.size };
  }

  /** When a flow was, Unix ns; null if it is not stored. */
  async timeOf(
    { session, sequence }: { session: bigint; sequence: number },
    signal: AbortSignal,
  ): Promise<bigint | null> {
    const sql = new SqlValues();
    const rows = await this.#engine.rows<{ ns: string }>(
      `SELECT reinterpretAsInt64(time) AS ns FROM flows
        WHERE session = ${sql.bind('UInt64', session)} AND sequence = ${sql.bind('UInt64', sequence)}
        LIMIT 1 SETTINGS max_execution_time = ${PAGE_S}`,
      sql.values,
      signal,
    );
    return rows[0] === undefined ? null : BigInt(rows[0].ns);
  }

  async #page(
    query: RangeQuery,
    direction: 'forward' | 'backward',
    held: HeldPlaces,
    size: number,
    signal: AbortSignal,
  ): Promise<{ rows: FlowRow[]; isLast: boolean }> {
    const sql = new SqlValues();
    const order = direction === 'forward' ? 'ASC' : 'DESC';
    const text = `SELECT ${FLOW_COLUMNS} FROM flows
      WHERE ${all([...rangeSql(query, sql), leftOutSql(held, sql), filterSql(query.filter.selection, sql)])}
      ORDER BY time ${order}, session ${order}, sequence ${order}
      LIMIT ${sql.bind('UInt64', size)} SETTINGS max_execution_time = ${PAGE_S} FORMAT RowBinary`;
    const reader = new FlowRowReader();
    const rows: FlowRow[] = [];
    let bytes = 0;
    for await (const chunk of this.#engine.stream(text, sql.values, signal)) {
      bytes += chunk.length;
      for (const row of reader.push(chunk)) rows.push(row);
      // The next page goes on behind the last whole row.
      if (bytes >= PAGE_BYTES && rows.length > 0) return { rows, isLast: false };
    }
    reader.end();
    return { rows, isLast: rows.length < size };
  }

  async #unordered(
    where: string,
    sql: SqlValues,
    query: RangeQuery,
    isWanted: (row: FlowRow) => boolean,
    signal: AbortSignal,
  ): Promise<StoredFlow[]> {
    const text = `SELECT ${FLOW_COLUMNS} FROM flows WHERE ${where} SETTINGS max_execution_time = ${PAGE_S} FORMAT RowBinary`;
    const reader = new FlowRowReader();
    const rows: FlowRow[] = [];
    for await (const chunk of this.#engine.stream(text, sql.values, signal)) {
      for (const row of reader.push(chunk)) if (isWanted(row)) rows.push(row);
    }
    reader.end();
    return this.#matching(
      rows.filter((row) => isWithin(row, query)),
      query,
      signal,
    );
  }

  async #matching(rows: readonly FlowRow[], query: RangeQuery, signal: AbortSignal): Promise<StoredFlow[]> {
    if (rows.length === 0) return [];
    let newest = 0n;
    for (const { time } of rows) if (time > newest) newest = time;
    const sessions = await this.#sessions.load(new Set(rows.map((row) => row.session)), newest, signal);
    const found: StoredFlow[] = [];
    for (const row of rows) {
      const from = sessions.get(row.session);
      // Its session's description was dropped: nobody can read its bytes.
      if (from === undefined) continue;
      const { record, names } = readStored(row, from);
      if (!query.filter.predicate(names)(record, row.sequence)) continue;
      found.push({ time: row.time, session: row.session, sequence: row.sequence, row, from });
    }
    return found;
  }
}

/** The record under its session's cursor, valid until the next await, and its names. */
export function readStored(row: FlowRow, from: StoredSession): { record: RecordCursor; names: Names } {
  const { buffer, byteOffset, byteLength } = row.record;
  const record = from.cursor.moveTo(new DataView(buffer, byteOffset, byteLength), 0);
  return { record, names: from.namesAt(row.time) };
}

function isWithin(key: FlowKey, { since, until, after, before }: RangeQuery): boolean {
  return (
    (since === null || key.time >= since) &&
    (until === null || key.time <= until) &&
    (after === null || compareKeys(key, after) > 0) &&
    (before === null || compareKeys(key, before) < 0)
  );
}

function rangeSql({ since, until, after, before }: RangeQuery, sql: SqlValues): string[] {
  const parts: string[] = [];
  if (since !== null) parts.push(`time >= ${timeSql(since, sql)}`);
  if (until !== null) parts.push(`time <= ${timeSql(until, sql)}`);
  if (after !== null) {
    const time = timeSql(after.time, sql);
    const session = sql.bind('UInt64', after.session);
    // A sequence of -1 stands for the place before the first.
    const sequence = sql.bind('UInt64', after.sequence + 1);
    parts.push(`time >= ${time}`);
    parts.push(`time > ${time} OR session > ${session} OR (session = ${session} AND sequence >= ${sequence})`);
  }
  if (before !== null) {
    const time = timeSql(before.time, sql);
    const session = sql.bind('UInt64', before.session);
    const sequence = sql.bind('UInt64', before.sequence);
    parts.push(`time <= ${time}`);
    parts.push(`time < ${time} OR session < ${session} OR (session = ${session} AND sequence < ${sequence})`);
  }
  return parts;
}

/** The earliest and latest times that the column can hold; no record has others. */
const EARLIEST = 0n;
const LATEST = 9_000_000_000_000_000_000n;

function timeSql(time: bigint, sql: SqlValues): string {
  const bounded = time < EARLIEST ? EARLIEST : time > LATEST ? LATEST : time;
  return `fromUnixTimestamp64Nano(${sql.bind('Int64', bounded)}, 'UTC')`;
}

/** What memory had of a session is mostly its newest run; the few others are left out by the reader. */
function leftOutSql({ newest }: HeldPlaces, sql: SqlValues): string {
  if (newest.size === 0) return '1';
  const some = [...newest].slice(0, MAX_LEFT_OUT);
  const sessions = sql.bind(
    'Array(UInt64)',
    some.map(([session]) => session),
  );
  const place = (places: readonly number[], otherwise: number): string =>
    `transform(session, ${sessions}, ${sql.bind('Array(UInt64)', places)}, toUInt64(${otherwise}))`;
  const from = place(
    some.map(([, run]) => run.from),
    NO_PLACE,
  );
  const to = place(
    some.map(([, run]) => Math.min(run.to, NO_PLACE)),
    0,
  );
  return `sequence < ${from} OR sequence >= ${to}`;
}
