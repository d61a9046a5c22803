/** History as a hub has it: the store, the writer into it, and what both say of themselves. */
import type { Logger } from 'pino';
import type { HistoryStatus } from '../../wire/status.ts';
import { formatTime } from '../../flows/timestamp.ts';
import { HistoryReader } from './reader/history-reader.ts';
import { PreparedEngine } from './reader/prepared-engine.ts';
import type { OpenStore } from './open-store.ts';
import { readSize, type StoreSize } from './store-size.ts';
import type { SqlEngine } from './sql-engine.ts';
import { HistoryWriter } from './writer.ts';

/** Bytes of rows that wait for the store at most. */
export const DEFAULT_BACKLOG = 64 * 1024 * 1024;
const SIZE_MS = 30_000;
/** A hub that stops gives the store so long to take what waits. */
const FINISH_MS = 5000;

/** What history needs of a store. */
export type HistoryStore = Omit<OpenStore, 'name'>;

export interface HistoryOptions {
  /** Unique to this process. */
  hub: string;
  log: Logger;
  /** Bytes. */
  backlog: number;
}

export class History {
  readonly engine: SqlEngine;
  readonly writer: HistoryWriter;
  readonly reader: HistoryReader;
  readonly #store: HistoryStore;
  #size: StoreSize | null = null;
  #sizeAsked = 0;
  #prepared: Promise<void> | null = null;

  constructor(store: HistoryStore, { hub, log, backlog }: HistoryOptions) {
    this.#store = store;
    this.engine = store.engine;
    this.writer = new HistoryWriter({ engine: store.engine, prepare: async () => this.#prepare(), hub, log, backlog });
    const engine = new PreparedEngine(store.engine, async () => this.#prepare());
    this.reader = new HistoryReader(engine, this.writer, this.isShared);
    // What is newer comes from agents of this hub. If it fails now, it is asked again when somebody needs it.
    this.reader.newestAtStart().catch(() => undefined);
  }

  /** Whether other hubs may write to the same store. */
  get isShared(): boolean {
    return this.#store.kind === 'clickhouse';
  }

  /** Makes the tables once, whoever needs them first. */
  async #prepare(): Promise<void> {
    this.#prepared ??= this.#store.prepare();
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = null;
      throw error;
    }
  }

  /** Called every second. */
  tick(now: number): void {
    this.writer.tick(now);
    if (now - this.#sizeAsked < SIZE_MS || this.writer.stats.state !== 'ready') return;
    this.#sizeAsked = now;
    readSize(this.engine).then(
      (size) => {
        this.#size = size;
      },
      // The writer meets the same trouble, and tells it.
      () => undefined,
    );
  }

  status(): HistoryStatus {
    const { stats, backlogBytes } = this.writer;
    return {
      kind: this.#store.kind,
      state: stats.state,
      problem: stats.problem,
      backlog_bytes: backlogBytes,
      stored_until: stats.storedUntil === 0 ? null : formatTime(BigInt(Math.round(stats.storedUntil))),
      oldest: this.#size?.oldest ?? null,
      rows: this.#size?.rows ?? null,
      bytes: this.#size?.bytes ?? null,
      not_stored: { ...stats.notStored },
    };
  }

  /** Writes what waits, and lets go of the store. */
  async close(): Promise<void> {
    await this.writer.close(FINISH_MS);
    await this.#store.close();
  }
}
