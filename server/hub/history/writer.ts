/**
 * Writes what agents send to history. Rows gather in blocks (`backlog.ts`), blocks are inserted one after the other
 * (`inserter.ts`): what is stored of a session is always its beginning, but for what was given up.
 *
 * When the store fails for so long that the backlog is full, its oldest flows are given up, counted and told. Ingest into
 * memory notices nothing of all that.
 */
import type { Counters, Dictionary } from '../../wire/agent.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { Increments } from '../edges/counter-tracker.ts';
import type { AgentSession } from '../ingest/agent-session.ts';
import type { Batch } from '../ingest/batch.ts';
import type { L7Increments } from '../l7/series-tracker.ts';
import { Backlog } from './backlog.ts';
import type { Block, WrittenTable } from './block.ts';
import { Inserter, type InserterOptions } from './inserter.ts';
import { MinuteSums } from './minute-sums.ts';
import { NameRows, sessionRow } from './name-rows.ts';
import type { RowWriter } from './row-binary.ts';
import { WrittenSession } from './written-session.ts';

const TICK_MS = 100;
/** The sums of the open minute are written so often: a hub that is killed loses no more of them. */
const SUMS_MS = 10_000;
/** A clock that was set says nothing of how long agents were connected. */
const MAX_TICK_MS = 5000;
const NOTHING_MISSING = { ring: 0, buffer: 0, places: 0 };

export interface WriterOptions extends InserterOptions {
  /** Bytes that wait for the store at most. */
  backlog: number;
}

export class HistoryWriter {
  readonly #backlog: Backlog;
  readonly #inserter: Inserter;
  readonly #sums: MinuteSums;
  readonly #hub: string;
  readonly #connected = new Set<WrittenSession>();
  readonly #timer: NodeJS.Timeout;
  #sumsWritten = 0;
  #lastTick = Date.now();

  constructor(options: WriterOptions) {
    this.#backlog = new Backlog(options.backlog);
    this.#inserter = new Inserter(this.#backlog, options);
    this.#sums = new MinuteSums(options.hub);
    this.#hub = options.hub;
    this.#timer = setInterval(() => this.#inserter.kick(), TICK_MS);
  }

  get stats(): Inserter['stats'] {
    return this.#inserter.stats;
  }

  /** All flows with smaller ids that this hub writes are stored or given up. */
  get settledId(): number {
    // Flows that another hub writes are in no block.
    return this.#backlog.bytes === 0 ? Number.MAX_SAFE_INTEGER : this.#inserter.settledId;
  }

  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  /** A session of an agent begins, or its agent is connected again. `now` is Unix ms. */
  connected(session: AgentSession, now: number): void {
    session.written ??= new WrittenSession(session, now);
    this.#connected.add(session.written);
  }

  disconnected({ written }: AgentSession): void {
    if (written !== null) this.#connected.delete(written);
  }

  /** A change of names, before it is applied. */
  dictionary({ written, names }: AgentSession, change: Dictionary, now: number): void {
    if (written === null || written.isUnwritten) return;
    new NameRows(() => this.#to('names', written, now), names, now).change(change);
    this.#inserter.shrink();
  }

  /** Addresses whose names have changed. */
  dns({ written, names }: AgentSession, addresses: ReadonlySet<string>, now: number): void {
    if (written === null || written.isUnwritten) return;
    new NameRows(() => this.#to('names', written, now), names, now).dns(addresses);
  }

  /** Whether a batch is to be written: not if another hub writes the session, or if it was taken before. */
  wants(session: AgentSession, batch: number): boolean {
    return session.written !== null && session.isArchivedBy(this.#hub) && batch > session.written.newest;
  }

  /** Begins the rows of a batch that is checked; null if it is not wanted. */
  batch(session: AgentSession, batch: Batch, now: number): BatchRows | null {
    if (session.written === null || !this.wants(session, batch.number)) return null;
    session.written.newest = batch.number;
    return new BatchRows(this, session.written, batch, this.#backlog.open(now));
  }

  /** From now on this hub writes the session: what another hub has stored of it is asked for before anything is. */
  takeOver({ written }: AgentSession): void {
    if (written === null) return;
    written.storedBefore = null;
    written.nextSequence = null;
  }

  /** Called by BatchRows: the rows of a batch are complete. */
  added(session: WrittenSession, batch: Batch, now: number): void {
    const places = Math.max(0, batch.firstSequence - (session.nextSequence ?? batch.firstSequence));
    session.nextSequence = batch.firstSequence + batch.count;
    this.#rollMinute(now);
    this.#sums.received(session, batch.count, { ...NOTHING_MISSING, places });
    this.#inserter.shrink();
    // Closes the block if it is full, so that it need not wait for the next tick.
    this.#inserter.kick();
  }

  counters(session: AgentSession, { records }: Counters, increments: Increments, now: number): void {
    const { written, seenFromStart } = session;
    if (written === null) return;
    this.#rollMinute(now);
    // Sums are cumulative: every hub of the agent may write them, and what one that is killed had not written, another has.
    this.#sums.edges(written, increments);
    const lost = { ring: records.ring, buffer: records.buffer };
    // What was lost before the hub heard of the agent is not of this minute.
    const before = written.lost ?? (seenFromStart === true ? { ring: 0, buffer: 0 } : lost);
    written.lost = lost;
    if (!session.isArchivedBy(this.#hub)) return;
    const ring = Math.max(0, lost.ring - before.ring);
    this.#sums.received(written, 0, { ring, buffer: Math.max(0, lost.buffer - before.buffer), places: 0 });
  }

  l7({ written }: AgentSession, increments: L7Increments, now: number): void {
    if (written === null) return;
    this.#rollMinute(now);
    this.#sums.l7(written, increments);
  }

  /** Called every second. */
  tick(now: number): void {
    this.#rollMinute(now);
    const elapsed = Math.min(MAX_TICK_MS, Math.max(0, now - this.#lastTick));
    this.#lastTick = now;
    for (const session of this.#connected) this.#sums.connected(session, elapsed);
    if (now - this.#sumsWritten >= SUMS_MS) this.#writeSums(now);
  }

  /** Writes the open minute and all that waits, for at most so many ms. */
  async close(ms: number): Promise<void> {
    clearInterval(this.#timer);
    this.#writeSums(Date.now());
    await this.#inserter.finish(ms);
  }

  #rollMinute(now: number): void {
    if (!this.#sums.isOver(now)) return;
    this.#writeSums(now);
    this.#sums.open(now);
    for (const session of this.#connected) {
      if (!session.isUnwritten) sessionRow(this.#to('sessions', session, now), session, now);
    }
  }

  #writeSums(now: number): void {
    this.#sumsWritten = now;
    this.#sums.write((table, session) => this.#to(table, session, now));
    this.#inserter.shrink();
  }

  #to(table: WrittenTable, session: WrittenSession, now: number): RowWriter {
    return this.#backlog.open(now).to(table, session);
  }
}

/** Takes the records of one batch. */
export class BatchRows {
  readonly #writer: HistoryWriter;
  readonly #session: WrittenSession;
  readonly #batch: Batch;
  readonly #block: Block;
  readonly #to: RowWriter;
  readonly #from: number;

  constructor(writer: HistoryWriter, session: WrittenSession, batch: Batch, block: Block) {
    this.#writer = writer;
    this.#session = session;
    this.#batch = batch;
    this.#block = block;
    this.#to = block.to('flows', session);
    this.#from = this.#to.length;
    session.rows.begin({ arrived: block.arrived, ...batch });
  }

  /** The `index`th record, which lies at `offset` and under the cursor. */
  add(record: RecordCursor, offset: number, index: number): void {
    const { records, firstSequence } = this.#batch;
    this.#session.rows.add(this.#to, records, offset, record, firstSequence + index);
  }

  /** The batch is complete. `newest`: Unix ns of its newest record, 0 without records; `nextId`: flow id after its last; `now`: Unix ms. */
  end(newest: number, nextId: number, now: number): void {
    const session = this.#session;
    const { number: batch, count } = this.#batch;
    this.#block.pieces.push({ session, batch, count, from: this.#from, to: this.#to.length, newest, nextId });
    this.#writer.added(session, this.#batch, now);
  }
}
