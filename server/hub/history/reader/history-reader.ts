/** History as readers see it: stored flows and stored sums behind one store. */
import type { SqlEngine } from '../sql-engine.ts';
import { StoredFlows } from './stored-flows.ts';
import { StoredSessions } from './stored-sessions.ts';

/** What the writer tells readers. */
export interface Written {
  /** Resolves when all that was received until now is stored or given up, and after a short while in any case. */
  settle(signal: AbortSignal): Promise<void>;
  /** Whether other hubs write to the store, too: then it may hold what this hub never saw. */
  readonly isShared: boolean;
}

export class HistoryReader {
  readonly flows: StoredFlows;
  readonly sessions: StoredSessions;
  readonly written: Written;
  readonly #engine: SqlEngine;
  #newestAtStart: Promise<bigint> | null = null;

  constructor(engine: SqlEngine, written: Written) {
    this.#engine = engine;
    this.written = written;
    this.sessions = new StoredSessions(engine);
    this.flows = new StoredFlows(engine, this.sessions);
  }

  /** Time of the newest flow that was stored when this was asked first, Unix ns; 0 without any. */
  async newestAtStart(): Promise<bigint> {
    this.#newestAtStart ??= this.#askNewest();
    try {
      return await this.#newestAtStart;
    } catch (error) {
      this.#newestAtStart = null;
      throw error;
    }
  }

  async #askNewest(): Promise<bigint> {
    const rows = await this.#engine.rows<{ ns: string }>('SELECT reinterpretAsInt64(max(time)) AS ns FROM flows');
    return BigInt(rows[0]?.ns ?? 0);
  }
}
