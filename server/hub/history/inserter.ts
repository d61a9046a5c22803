/**
 * Inserts blocks one after the other, each until the store has it. A block keeps its token over all tries, so a try whose
 * answer was lost does no harm.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Backlog } from './backlog.ts';
import { type Block, WRITTEN, WRITTEN_TABLES, type WrittenTable } from './block.ts';
import { InsertStats, type NotStoredCause } from './insert-stats.ts';
import { introductionOf } from './introduction.ts';
import { type SqlEngine, StoreError } from './sql-engine.ts';
import type { WrittenSession } from './written-session.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** A block that the store refuses for its own sake is tried so often: what it says may have been wrong. */
const MAX_REJECTIONS = 3;

export interface InserterOptions {
  engine: SqlEngine;
  /** Resolves when tables can be used; called again if it fails. */
  prepare: () => Promise<void>;
  /** Unique to this process. */
  hub: string;
  log: Logger;
}

export class Inserter {
  readonly stats: InsertStats;
  readonly #options: InserterOptions;
  readonly #backlog: Backlog;
  #isPrepared = false;
  #settledId = 0;
  #names = 0;
  #running: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  /** Time of performance.now() by which all ends, null while the hub runs. */
  #deadline: number | null = null;

  constructor(backlog: Backlog, options: InserterOptions) {
    this.#backlog = backlog;
    this.#options = options;
    this.stats = new InsertStats(options.log);
  }

  /** All flows with smaller ids are stored or given up. */
  get settledId(): number {
    return this.#settledId;
  }

  /** Inserts what is due, unless it is at that already. */
  kick(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Keeps the backlog within its limit; called after each batch. */
  shrink(): void {
    for (const block of this.#backlog.shrink(this.stats.state === 'failing')) this.#giveUp(block, 'backlog');
    if (this.#backlog.isGivenUp) this.#wake?.();
  }

  /** Inserts all there is, for at most so many ms. */
  async finish(ms: number): Promise<void> {
    this.#deadline = performance.now() + ms;
    this.#wake?.();
    const over = new AbortController();
    const all = async (): Promise<void> => {
      await this.#running;
      await this.#run();
      over.abort();
    };
    // An insert may be without an answer for longer.
    await Promise.race([all(), sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  }

  get #isOver(): boolean {
    return this.#deadline !== null && performance.now() >= this.#deadline;
  }

  async #run(): Promise<void> {
    await this.#prepare();
    for (;;) {
      const block = this.#backlog.take(this.#deadline !== null);
      if (block === null) return;
      await this.#store(block);
      this.#backlog.done();
    }
  }

  /** Returns when the tables are there, or when it is too late for them. */
  async #prepare(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#isPrepared && !this.#isOver; pause = longer(pause)) {
      try {
        await this.#options.prepare();
        this.#isPrepared = true;
        this.stats.works();
      } catch (error) {
        this.stats.failed(error);
        await this.#sleep(pause);
      }
    }
  }

  async #store(block: Block): Promise<void> {
    const done = new Set<WrittenTable>();
    let rejections = 0;
    for (let pause = FIRST_PAUSE_MS; !this.#isOver; pause = longer(pause)) {
      try {
        await this.#insert(block, done);
        this.#stored(block);
        return;
      } catch (error) {
        this.stats.failed(error);
        if (error instanceof StoreError && error.problem === 'rejected') rejections += 1;
      }
      if (rejections < MAX_REJECTIONS && !this.#backlog.isGivenUp) await this.#sleep(pause);
      if (this.#backlog.isGivenUp || rejections >= MAX_REJECTIONS) {
        this.#giveUp(block, this.#backlog.isGivenUp ? 'backlog' : 'refused');
        return;
      }
    }
    this.#giveUp(block, 'stopped');
  }

  async #insert(block: Block, done: Set<WrittenTable>): Promise<void> {
    await this.#askStored(block);
    for (const session of block.sessions) if (session.isUnwritten) await this.#introduce(session);
    for (const table of WRITTEN_TABLES) {
      if (done.has(table)) continue;
      await this.#rows(table, block.rows(table), `${block.number}`);
      done.add(table);
    }
  }

  /** What the store has of sessions that an earlier hub may have written. */
  async #askStored(block: Block): Promise<void> {
    const asked = [...new Set(block.pieces.map(({ session }) => session))].filter((it) => it.storedBefore === null);
    if (asked.length === 0) return;
    const found = await this.#options.engine.rows<{ session: string; batch: string }>(
      'SELECT session, max(batch) AS batch FROM flows WHERE session IN {sessions:Array(UInt64)} GROUP BY session',
      { sessions: asked.map(({ session }) => session.names.session) },
    );
    const stored = new Map(found.map(({ session, batch }) => [BigInt(session), Number(batch)]));
    for (const session of asked) session.storedBefore = stored.get(session.session.names.session) ?? 0;
  }

  /** Writes a session and all its names. What changes meanwhile is in later blocks. */
  async #introduce(session: WrittenSession): Promise<void> {
    const { session: row, names } = introductionOf(session, Date.now());
    session.isUnwritten = false;
    try {
      await this.#rows('sessions', row, `names-${++this.#names}`);
      for (const part of names) await this.#rows('names', part, `names-${++this.#names}`);
    } catch (error) {
      session.isUnwritten = true;
      throw error;
    }
  }

  async #rows(table: WrittenTable, rows: readonly Buffer[], token: string): Promise<void> {
    if (rows.length === 0) return;
    const begin = performance.now();
    await this.#options.engine.insert(table, WRITTEN[table], rows, `${this.#options.hub}-${token}`);
    const bytes = rows.reduce((sum, { length }) => sum + length, 0);
    this.stats.inserted(bytes, (performance.now() - begin) / 1000);
  }

  #stored(block: Block): void {
    const { stats } = this;
    this.stats.works();
    stats.rows += block.count;
    for (const { session, batch, newest, nextId } of block.pieces) {
      stats.storedUntil = Math.max(stats.storedUntil, newest);
      this.#settledId = Math.max(this.#settledId, nextId);
      session.settle(batch);
    }
  }

  #giveUp(block: Block, cause: NotStoredCause): void {
    this.stats.gaveUp(block.count, cause);
    if (block.has('names') || block.has('sessions')) for (const it of block.sessions) it.isUnwritten = true;
    for (const { session, batch, nextId } of block.pieces) {
      this.#settledId = Math.max(this.#settledId, nextId);
      session.settle(batch);
    }
  }

  async #sleep(ms: number): Promise<void> {
    const left = this.#deadline === null ? ms : Math.min(ms, this.#deadline - performance.now());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}

function longer(pause: number): number {
  return Math.min(2 * pause, LONGEST_PAUSE_MS);
}
