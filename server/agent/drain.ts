/**
 * Ring buffer -> batches. Polls, because the producer wakes nobody; copies records word by word into one
 * staging area and makes a batch of them when it is full or old enough. No object, no call into native
 * code per record. Records of messages, which come from elsewhere and with their payload, go the same way.
 */
import type { RecordSink } from '../base/record-sink.ts';
import type { RingBuffer } from '../kernel/ring-buffer.ts';
import type { ClockOffset } from './clock.ts';
import type { Batch, Outbox } from './outbox.ts';

const POLL_MS = 10;
/** A batch waits no longer than this for more records. */
const BATCH_AGE_MS = 40;
const BATCH_RECORDS = 4096;
/** Records taken per turn of the event loop, so that sockets get their turn too. */
const TURN_RECORDS = 4 * BATCH_RECORDS;

export class Drain implements RecordSink, Disposable {
  readonly #ring: RingBuffer;
  readonly #outbox: Outbox;
  readonly #clock: ClockOffset;
  readonly #lostInRing: () => number;
  readonly #onBatch: (batch: Batch) => void;
  readonly #staging: Int32Array<ArrayBuffer>;
  #words = 0;
  #records = 0;
  #openedAt = 0;
  #drained = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  /** `recordSize` in bytes. `lostInRing`: records the kernel could not write since the session began. */
  constructor(options: {
    ring: RingBuffer;
    outbox: Outbox;
    clock: ClockOffset;
    recordSize: number;
    lostInRing: () => number;
    onBatch: (batch: Batch) => void;
  }) {
    this.#ring = options.ring;
    this.#outbox = options.outbox;
    this.#clock = options.clock;
    this.#lostInRing = options.lostInRing;
    this.#onBatch = options.onBatch;
    this.#staging = new Int32Array((BATCH_RECORDS * options.recordSize) / 4);
    this.#schedule(false);
  }

  /** Records taken from the ring so far. */
  get drained(): number {
    return this.#drained;
  }

  /** These, and messages. */
  get taken(): number {
    return this.#outbox.records + this.#records;
  }

  /** `bytes`: a multiple of 4. */
  take(words: Int32Array, at: number, bytes: number): boolean {
    const length = bytes >>> 2;
    const staging = this.#staging;
    let to = this.#words;
    if (to + length > staging.length) {
      this.flush();
      to = 0;
    }
    if (this.#records === 0) this.#openedAt = performance.now();
    for (let i = 0; i < length; i++) staging[to + i] = words[at + i] as number;
    this.#words = to + length;
    this.#records++;
    return true;
  }

  /** Closes the open batch, if it has records. */
  flush(): void {
    if (this.#records === 0) return;
    const data = new Uint8Array(this.#staging.buffer, 0, this.#words * 4);
    const lost = this.#lostInRing() + this.#outbox.lost;
    const batch = this.#outbox.add(data, this.#records, this.#clock.ns, lost);
    this.#words = 0;
    this.#records = 0;
    this.#onBatch(batch);
  }

  /** Takes what is in the ring now and closes the batch: before a stop. */
  finish(): void {
    this.#drained += this.#ring.drain(this, Number.POSITIVE_INFINITY);
    this.flush();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #turn(): void {
    const taken = this.#ring.drain(this, TURN_RECORDS);
    this.#drained += taken;
    if (this.#records > 0 && performance.now() - this.#openedAt >= BATCH_AGE_MS) this.flush();
    this.#schedule(taken === TURN_RECORDS);
  }

  #schedule(more: boolean): void {
    if (more) this.#immediate = setImmediate(() => this.#turn());
    else this.#timer = setTimeout(() => this.#turn(), POLL_MS);
  }
}
