/** The sessions of stored flows: how their records are laid out, and what their numbers mean. A bounded number is kept. */
import type { RecordLayout } from '../../../wire/layout.ts';
import type { Names } from '../../../flows/dictionary.ts';
import { sessionUuids } from '../../../flows/flow-uuid.ts';
import { layoutProblem, RecordCursor } from '../../../flows/record.ts';
import { jsonLines } from './json-lines.ts';
import type { ReadEngine } from './prepared-engine.ts';
import { SqlValues } from './sql-text.ts';
import { type NameRow, StoredNames } from './stored-names.ts';

/** Names kept for the next reader, bytes. Those of one page are always kept together. */
const MAX_WEIGHT = 64 * 1024 * 1024;
/** Names of a flow may reach the store so much later than the flow's time, ms. */
const NAMES_LAG_MS = 60_000;
/** Names are asked for again after this at the earliest, ms. */
const FRESH_MS = 1000;
/** Sessions asked for at once. */
const CHUNK = 500;

interface NamesLine extends Omit<NameRow, 'since'> {
  session: string;
  ms: string;
}

interface SessionRow {
  session: string;
  node: string;
  layout: string;
}

export class StoredSession {
  readonly session: bigint;
  readonly node: string;
  readonly cursor: RecordCursor;
  readonly uuid: (sequence: number) => string;
  readonly names: StoredNames;
  /** Unix ms when the store was asked last. */
  asked = 0;

  /** Throws if no record of this layout can be read. */
  constructor(row: SessionRow) {
    const layout = JSON.parse(row.layout) as RecordLayout;
    const problem = layoutProblem(layout);
    if (problem !== null) throw new Error(`the history of node ${row.node} cannot be read: ${problem}`);
    this.session = BigInt(row.session);
    this.node = row.node;
    this.cursor = new RecordCursor(layout);
    this.uuid = sessionUuids(this.session);
    this.names = new StoredNames(row.node, this.session);
  }

  /** `time`: Unix ns. */
  namesAt(time: bigint): Names {
    return this.names.at(Number(time / 1_000_000n));
  }
}

export class StoredSessions {
  readonly #engine: ReadEngine;
  /** The one used longest ago comes first. */
  readonly #known = new Map<bigint, StoredSession>();

  constructor(engine: ReadEngine) {
    this.#engine = engine;
  }

  /** The sessions, each with all names that flows up to `newest` (Unix ns) may need. What the store does not know is left out. */
  async load(
    wanted: ReadonlySet<bigint>,
    newest: bigint,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<bigint, StoredSession>> {
    const now = Date.now();
    const upTo = Number(newest / 1_000_000n) + NAMES_LAG_MS;
    const unknown = [...wanted].filter((it) => !this.#known.has(it));
    const stale = [...wanted].filter((it) => {
      const asked = this.#known.get(it)?.asked ?? Infinity;
      return asked < upTo && asked < now - FRESH_MS;
    });
    for (let at = 0; at < unknown.length; at += CHUNK) await this.#begin(unknown.slice(at, at + CHUNK), signal);
    const asking = [...unknown, ...stale].filter((it) => this.#known.has(it));
    for (let at = 0; at < asking.length; at += CHUNK) await this.#names(asking.slice(at, at + CHUNK), now, signal);
    const found = new Map<bigint, StoredSession>();
    for (const session of wanted) {
      const known = this.#known.get(session);
      if (known === undefined) continue;
      found.set(session, known);
      this.#known.delete(session);
      this.#known.set(session, known);
    }
    this.#forget(wanted);
    return found;
  }

  async #begin(sessions: readonly bigint[], signal: AbortSignal): Promise<void> {
    const sql = new SqlValues();
    const rows = await this.#engine.rows<SessionRow>(
      `SELECT session, node, layout FROM sessions FINAL WHERE session IN ${sql.bind('Array(UInt64)', sessions)}`,
      sql.values,
      signal,
    );
    for (const row of rows) {
      const session = BigInt(row.session);
      if (!this.#known.has(session)) this.#known.set(session, new StoredSession(row));
    }
  }

  async #names(sessions: readonly bigint[], now: number, signal: AbortSignal): Promise<void> {
    const sql = new SqlValues();
    const since = Math.min(...sessions.map((it) => this.#known.get(it)?.asked ?? 0));
    const text = `SELECT session, kind, key, toUnixTimestamp64Milli(since) AS ms, entry FROM names
      WHERE session IN ${sql.bind('Array(UInt64)', sessions)}
        AND since >= fromUnixTimestamp64Milli(${sql.bind('Int64', Math.max(0, since - NAMES_LAG_MS))})
      FORMAT JSONEachRow`;
    const bySession = new Map<string, NameRow[]>();
    for await (const line of jsonLines(this.#engine.stream(text, sql.values, signal))) {
      const { session, kind, key, ms, entry } = line as NamesLine;
      const rows = bySession.get(session) ?? [];
      bySession.set(session, rows);
      rows.push({ kind, key, since: Number(ms), entry });
    }
    for (const session of sessions) {
      const known = this.#known.get(session);
      if (known === undefined) continue;
      known.names.add(bySession.get(String(session)) ?? []);
      known.asked = now;
    }
  }

  #forget(kept: ReadonlySet<bigint>): void {
    let weight = 0;
    for (const { names } of this.#known.values()) weight += names.weight;
    for (const [session, { names }] of this.#known) {
      if (weight <= MAX_WEIGHT) return;
      if (kept.has(session)) continue;
      this.#known.delete(session);
      weight -= names.weight;
    }
  }
}
