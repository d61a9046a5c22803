/**
 * Batches between ring buffer and hub, bounded by bytes. A batch stays after it has been acknowledged
 * as long as there is room: a hub that lost its memory in a restart gets back what is still here. Room is
 * made by the oldest; only one that no hub has received counts as lost.
 */
import { BATCH_HEADER, KIND } from '../wire/agent.ts';

export interface Batch {
  number: number;
  records: number;
  /** Header and records, ready to send. */
  bytes: Buffer;
}

export class Outbox {
  readonly #limit: number;
  #batches: Batch[] = [];
  #bytes = 0;
  #next = 1;
  #nextSequence = 0;
  #received = 0;
  #lost = 0;

  /** `limit`: bytes kept at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records dropped before any hub had them. */
  get lost(): number {
    return this.#lost;
  }

  /** Number of the newest batch, 0 before the first. */
  get newest(): number {
    return this.#next - 1;
  }

  /** Makes a batch of `count` records, `data` copied. `lost`: see BATCH_HEADER. @returns the batch. */
  add(data: Uint8Array, count: number, clockOffsetNs: bigint, lost: number): Batch {
    const bytes = Buffer.allocUnsafeSlow(BATCH_HEADER.size + data.byteLength);
    bytes.fill(0, 0, BATCH_HEADER.size);
    bytes.writeUInt8(KIND.batch, 0);
    bytes.writeUInt32LE(count, BATCH_HEADER.count);
    bytes.writeBigUInt64LE(BigInt(this.#next), BATCH_HEADER.number);
    bytes.writeBigInt64LE(clockOffsetNs, BATCH_HEADER.clock_offset_ns);
    bytes.writeBigUInt64LE(BigInt(lost), BATCH_HEADER.lost);
    bytes.writeBigUInt64LE(BigInt(this.#nextSequence), BATCH_HEADER.first_sequence);
    bytes.set(data, BATCH_HEADER.size);
    const batch = { number: this.#next++, records: count, bytes };
    this.#nextSequence += count;
    this.#batches.push(batch);
    this.#bytes += bytes.length;
    this.#makeRoom();
    return batch;
  }

  /** A hub has all batches up to `number`. */
  received(number: number): void {
    if (number > this.#received && number < this.#next) this.#received = number;
  }

  /** The kept batches after `number`, oldest first. */
  after(number: number): readonly Batch[] {
    const first = this.#batches[0];
    if (first === undefined) return [];
    return this.#batches.slice(Math.max(0, number + 1 - first.number));
  }

  #makeRoom(): void {
    let drop = 0;
    while (this.#bytes > this.#limit && drop < this.#batches.length - 1) {
      const batch = this.#batches[drop++];
      if (batch === undefined) break;
      this.#bytes -= batch.bytes.length;
      if (batch.number > this.#received) this.#lost += batch.records;
    }
    if (drop > 0) this.#batches = this.#batches.slice(drop);
  }
}
