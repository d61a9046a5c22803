/**
 * Batches between ring buffer and hubs, bounded by bytes. Each hub has a place of its own in them. A batch stays after it
 * has been received as long as there is room: a hub that lost its memory in a restart gets back what is still here. Room
 * is made by the oldest; only one that no hub has received counts as lost.
 */
import { BATCH_HEADER, KIND } from '../wire/agent.ts';

export interface Batch {
  number: number;
  records: number;
  /** Place of the first record in the session, see BATCH_HEADER. */
  firstSequence: number;
  /** Header and records, ready to send. */
  bytes: Buffer;
}

/** A batch that made room while it was under way to a hub: whether that received it is not known yet. */
interface Doubt {
  number: number;
  records: number;
  places: Set<OutboxPlace>;
}

export class Outbox {
  readonly #limit: number;
  #batches: Batch[] = [];
  #bytes = 0;
  #next = 1;
  #nextSequence = 0;
  #received = 0;
  #lost = 0;
  readonly #places = new Set<OutboxPlace>();
  #doubts: Doubt[] = [];

  /** `limit`: bytes kept at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records given up that no hub has received. */
  get lost(): number {
    return this.#lost;
  }

  /** Number of the newest batch, 0 before the first. */
  get newest(): number {
    return this.#next - 1;
  }

  /** Records in all batches so far. */
  get records(): number {
    return this.#nextSequence;
  }

  /** A place for one more hub. */
  open(): OutboxPlace {
    const place = new OutboxPlace(this, {
      received: (number) => this.#receive(place, number),
      released: () => this.#release(place),
      closed: () => {
        this.#release(place);
        this.#places.delete(place);
      },
    });
    this.#places.add(place);
    return place;
  }

  /** Makes a batch of `count` records, `data` copied. `lost`: see BATCH_HEADER. @returns the batch. */
  add(data: Uint8Array, count: number, clockOffsetNs: bigint, lost: number): Batch {
    const bytes = Buffer.allocUnsafeSlow(BATCH_HEADER.size + data.byteLength);
    const firstSequence = this.#nextSequence;
    bytes.fill(0, 0, BATCH_HEADER.size);
    bytes.writeUInt8(KIND.batch, 0);
    bytes.writeUInt32LE(count, BATCH_HEADER.count);
    bytes.writeBigUInt64LE(BigInt(this.#next), BATCH_HEADER.number);
    bytes.writeBigInt64LE(clockOffsetNs, BATCH_HEADER.clock_offset_ns);
    bytes.writeBigUInt64LE(BigInt(lost), BATCH_HEADER.lost);
    bytes.writeBigUInt64LE(BigInt(firstSequence), BATCH_HEADER.first_sequence);
    bytes.set(data, BATCH_HEADER.size);
    const batch = { number: this.#next++, records: count, firstSequence, bytes };
    this.#nextSequence += count;
    this.#batches.push(batch);
    this.#bytes += bytes.length;
    this.#makeRoom();
    return batch;
  }

  /** The oldest kept batch after `number`, undefined if there is none. */
  after(number: number): Batch | undefined {
    const first = this.#batches[0];
    return first === undefined ? undefined : this.#batches[Math.max(0, number + 1 - first.number)];
  }

  #receive(place: OutboxPlace, number: number): void {
    if (number > this.#received) this.#received = number;
    this.#doubts = this.#doubts.filter((it) => it.number > number || !it.places.has(place));
  }

  /** What was under way to this hub did not arrive. */
  #release(place: OutboxPlace): void {
    this.#doubts = this.#doubts.filter(({ places, records }) => {
      places.delete(place);
      if (places.size > 0) return true;
      this.#lost += records;
      return false;
    });
  }

  #makeRoom(): void {
    let drop = 0;
    while (this.#bytes > this.#limit && drop < this.#batches.length - 1) {
      const batch = this.#batches[drop++];
      if (batch === undefined) break;
      this.#bytes -= batch.bytes.length;
      const { number, records } = batch;
      if (number <= this.#received) continue;
      const places = new Set([...this.#places].filter((place) => place.sent >= number));
      if (places.size === 0) this.#lost += records;
      else this.#doubts.push({ number, records, places });
    }
    if (drop > 0) this.#batches = this.#batches.slice(drop);
  }
}

interface PlaceEvents {
  received(number: number): void;
  released(): void;
  closed(): void;
}

/** What a hub has of the session when a connection begins. */
export interface Held {
  /** Number of the newest batch, 0 for none. */
  batch: number;
  /** Records up to its end, and how many of these never arrived. */
  records: number;
  missing: number;
}

/** How far one hub is. */
export class OutboxPlace {
  readonly #outbox: Outbox;
  readonly #events: PlaceEvents;
  #sent = 0;
  #sentRecords = 0;
  /** Records skipped before batches that the hub has. */
  #skipped = 0;
  /** Those skipped right before a batch that may yet turn out not to have arrived. */
  #skips: { number: number; records: number }[] = [];
  /** Up to where batches were handed over a second time; null if all were that shall be. */
  #again: number | null = null;

  constructor(outbox: Outbox, events: PlaceEvents) {
    this.#outbox = outbox;
    this.#events = events;
  }

  /** Number of the last batch handed over. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether all batches are handed over. */
  get isAtEnd(): boolean {
    return this.#sent >= this.#outbox.newest;
  }

  /** Records of batches not handed over yet. */
  get waiting(): number {
    return this.#outbox.records - this.#sentRecords - this.#pendingSkip();
  }

  /** Records before those that are waiting that were given up before this hub, which is not another one since, got them. */
  get skipped(): number {
    return this.#skippedBefore() + this.#pendingSkip();
  }

  /** Records handed over, those that the hub held already included. */
  get handed(): number {
    return this.#sentRecords - this.#skippedBefore();
  }

  /** A connection begins, to the `same` hub as before or to another one. */
  begin({ batch, records, missing }: Held, same: boolean): void {
    // What is more than there is cannot be of this session.
    const isKnown = batch > 0 && batch <= this.#outbox.newest;
    this.#again = null;
    this.#sent = isKnown ? batch : 0;
    this.#sentRecords = isKnown ? Math.min(records, this.#outbox.records) : 0;
    if (!same) {
      this.#skips = [];
      this.#skipped = Math.min(missing, this.#sentRecords);
    }
    // What was skipped behind that is not decided: it will be again.
    this.#skips = this.#skips.filter((it) => it.number <= this.#sent);
    if (isKnown) this.received(batch);
    else this.#skipped = 0;
    // Of what was under way, this is all that arrived.
    this.#events.released();
  }

  /** Hands over again what is after batch `number`, before anything new: the hub is to archive it. */
  again(number: number): void {
    this.#again = Math.min(number, this.#sent);
  }

  /** The next batch to hand over. */
  next(): Batch | undefined {
    const batch = this.#outbox.after(this.#again ?? this.#sent);
    if (this.#again === null || (batch !== undefined && batch.number <= this.#sent)) return batch;
    this.#again = null;
    return batch;
  }

  /** `next()` was handed over. */
  advance(batch: Batch): void {
    if (batch.number <= this.#sent) {
      this.#again = batch.number;
      return;
    }
    const records = batch.firstSequence - this.#sentRecords;
    if (records > 0) this.#skips.push({ number: batch.number, records });
    this.#sent = batch.number;
    this.#sentRecords = batch.firstSequence + batch.records;
  }

  /** The hub has all batches it was sent up to `number`. */
  received(number: number): void {
    if (number > this.#sent) return;
    for (let skip = this.#skips[0]; skip !== undefined && skip.number <= number; skip = this.#skips[0]) {
      this.#skipped += skip.records;
      this.#skips.shift();
    }
    this.#events.received(number);
  }

  /** There will be no further connection to this hub. */
  close(): void {
    this.#events.closed();
  }

  #skippedBefore(): number {
    return this.#skips.reduce((sum, { records }) => sum + records, this.#skipped);
  }

  #pendingSkip(): number {
    const next = this.#outbox.after(this.#sent);
    return next === undefined ? 0 : Math.max(0, next.firstSequence - this.#sentRecords);
  }
}
