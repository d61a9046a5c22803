/**
 * Inserts blocks one after the other, each until the store has it. A block keeps its token over all tries, so a try whose
 * answer was lost does no harm.
 */
import type { Logger } from 'pino';
import { sentence } from '../../base/failure.ts';
import type { Backlog } from './backlog.ts';
import { type Block, WRITTEN, WRITTEN_TABLES, type WrittenTable } from './block.ts';
import { NameRows, sessionRow } from './name-rows.ts';
import { RowWriter } from './row-binary.ts';
import { type SqlEngine, StoreError } from './sql-engine.ts';
import type { WrittenSession } from './written-session.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** A block that the store refuses for its own sake is tried so often: what it says may have been wrong. */
const MAX_REJECTIONS = 3;
/** What is given up is logged so often at most. */
const TELL_MS = 10_000;
/** Names are inserted in parts of about so many bytes. */
const NAMES_BYTES = 8 * 1024 * 1024;

/** Why flows are not stored: no room while the store failed or was slow, refused by it, or the hub stopped. */
export const NOT_STORED = ['backlog', 'refused', 'stopped'] as const;
export type NotStoredCause = (typeof NOT_STORED)[number];

export interface InsertStats {
  state: 'starting' | 'ready' | 'failing';
  /** Why it fails, one sentence. */
  problem: string | null;
  /** Flows stored, and bytes of all rows as they were sent. */
  rows: number;
  bytes: number;
  /** Inserts that succeeded, and their time; and tries that failed. */
  inserts: number;
  seconds: number;
  failures: number;
  /** Flows. */
  notStored: Record<NotStoredCause, number>;
  /** Unix ns of the newest stored flow, 0 for none. */
  storedUntil: number;
}

export interface InserterOptions {
  engine: SqlEngine;
  /** Resolves when tables can be used; called again if it fails. */
  prepare: () => Promise<void>;
  /** Unique to this process. */
  hub: string;
  log: Logger;
}

export class Inserter {
  readonly stats: InsertStats = {
    state: 'starting',
    problem: null,
    rows: 0,
    bytes: 0,
    inserts: 0,
    seconds: 0,
    failures: 0,
    notStored: { backlog: 0, refused: 0, stopped: 0 },
    storedUntil: 0,
  };
  readonly #options: InserterOptions;
  readonly #backlog: Backlog;
  #isPrepared = false;
  #told = -TELL_MS;
  #settledId = 0;
  #names = 0;
  #running: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  /** Time of performance.now() by which all ends, null while the hub runs. */
  #deadline: number | null = null;

  constructor(backlog: Backlog, options: InserterOptions) {
    this.#backlog = backlog;
    this.#options = options;
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
    await this.#running;
    await this.#run();
  }

  get #isOver(): boolean {
    return this.#deadline !== null && performance.now() >= this.#deadline;
  }

  async #run(): Promise<void> {
    for (;;) {
      const block = this.#backlog.take(this.#deadline !== null);
      if (block === null) return;
      await this.#store(block);
      this.#backlog.done();
    }
  }

  async #store(block: Block): Promise<void> {
    const done = new Set<WrittenTable>();
    let rejections = 0;
    for (let pause = FIRST_PAUSE_MS; !this.#isOver; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        await this.#insert(block, done);
        this.#stored(block);
        return;
      } catch (error) {
        this.#failed(error);
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
    if (!this.#isPrepared) await this.#options.prepare();
    this.#isPrepared = true;
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
    const now = Date.now();
    const sessions = new RowWriter();
    sessionRow(sessions, session, now);
    const parts = [new RowWriter()];
    const room = (): RowWriter => {
      const last = parts.at(-1);
      if (last !== undefined && last.length < NAMES_BYTES) return last;
      const next = new RowWriter();
      parts.push(next);
      return next;
    };
    new NameRows(room, session.session.names, now).all();
    session.isUnwritten = false;
    try {
      await this.#rows('sessions', sessions.slices(0, sessions.length), `names-${++this.#names}`);
      for (const part of parts) await this.#rows('names', part.slices(0, part.length), `names-${++this.#names}`);
    } catch (error) {
      session.isUnwritten = true;
      throw error;
    }
  }

  async #rows(table: WrittenTable, rows: readonly Buffer[], token: string): Promise<void> {
    if (rows.length === 0) return;
    const begin = performance.now();
    await this.#options.engine.insert(table, WRITTEN[table], rows, `${this.#options.hub}-${token}`);
    this.stats.seconds += (performance.now() - begin) / 1000;
    this.stats.inserts += 1;
    this.stats.bytes += rows.reduce((sum, { length }) => sum + length, 0);
  }

  #stored(block: Block): void {
    const { stats } = this;
    if (stats.state === 'failing') this.#options.log.info('history is written again');
    stats.state = 'ready';
    stats.problem = null;
    stats.rows += block.count;
    for (const { session, batch, newest, nextId } of block.pieces) {
      stats.storedUntil = Math.max(stats.storedUntil, newest);
      this.#settledId = Math.max(this.#settledId, nextId);
      session.settle(batch);
    }
  }

  #failed(error: unknown): void {
    const problem = sentence(error);
    if (this.stats.state !== 'failing' || this.stats.problem !== problem) {
      // A store's error is a sentence for people; anything else is a fault of the hub.
      if (error instanceof StoreError) this.#options.log.warn(`History is not written: ${problem}`);
      else this.#options.log.error({ err: error }, 'history cannot be written');
    }
    this.stats.state = 'failing';
    this.stats.problem = problem;
    this.stats.failures += 1;
  }

  #giveUp(block: Block, cause: NotStoredCause): void {
    const { count } = block;
    this.stats.notStored[cause] += count;
    this.#tellGivenUp();
    if (block.has('names') || block.has('sessions')) for (const it of block.sessions) it.isUnwritten = true;
    for (const { session, batch, nextId } of block.pieces) {
      this.#settledId = Math.max(this.#settledId, nextId);
      session.settle(batch);
    }
  }

  /** Blocks are given up many times a second while a store fails. */
  #tellGivenUp(): void {
    const now = performance.now();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    this.#options.log.warn({ not_stored: this.stats.notStored }, 'flows are given up: they will not be in history');
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
