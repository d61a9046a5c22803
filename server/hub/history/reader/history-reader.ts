/** History as readers see it: stored flows and stored sums behind one store, and how far they reach. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadEngine } from './prepared-engine.ts';
import type { Minutes } from './sql-text.ts';
import { StoredCounts } from './stored-counts.ts';
import { StoredFlows } from './stored-flows.ts';
import { readLedger, type StoredLedger } from './stored-ledger.ts';
import { StoredSessions } from './stored-sessions.ts';
import { StoredSums } from './stored-sums.ts';

/** What is received reaches the store this much later at most, ms, unless it fails. */
const PATIENCE_MS = 2000;
const POLL_MS = 20;

/** What the writer tells readers. */
export interface Written {
  /** All flows with smaller ids are stored or given up. */
  readonly settledId: number;
  readonly stats: { readonly state: 'starting' | 'ready' | 'failing' };
}

export class HistoryReader {
  readonly flows: StoredFlows;
  readonly sums: StoredSums;
  readonly counts: StoredCounts;
  /** Other hubs write to the store, too: it may hold what this hub never saw. */
  readonly isShared: boolean;
  readonly #engine: ReadEngine;
  readonly #written: Written;
  #newestAtStart: Promise<bigint> | null = null;

  constructor(engine: ReadEngine, written: Written, isShared: boolean) {
    this.#engine = engine;
    this.#written = written;
    this.isShared = isShared;
    const sessions = new StoredSessions(engine);
    this.flows = new StoredFlows(engine, sessions);
    this.sums = new StoredSums(engine, sessions);
    this.counts = new StoredCounts(engine, sessions);
  }

  /**
   * Waits until the flows with ids below `id` are stored, as they soon are while the store works. Gives the id from
   * which on they are not: `id` itself, or a smaller one.
   */
  async settled(id: number, signal: AbortSignal): Promise<number> {
    const end = performance.now() + PATIENCE_MS;
    while (this.#written.settledId < id && this.#written.stats.state !== 'failing' && performance.now() < end) {
      await delay(POLL_MS, undefined, { signal });
    }
    return Math.min(id, this.#written.settledId);
  }

  /** Whether sums of these minutes are whole, and what is missing. Rejects with a StoreError. */
  async ledger(minutes: Minutes, signal: AbortSignal): Promise<StoredLedger> {
    return readLedger(this.#engine, minutes, signal);
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
