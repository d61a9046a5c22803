/** Blocks on their way to the store, oldest first, bounded by bytes. */
import { Block } from './block.ts';
import { PARTITION_S } from './tables.ts';

/** A block that has so many bytes, or is so old, is inserted. Each insert makes a part, and parts are merged for long. */
const BLOCK_BYTES = 4 * 1024 * 1024;
const BLOCK_MS = 500;

export class Backlog {
  readonly limit: number;
  #open: Block | null = null;
  #queue: Block[] = [];
  #taken: { block: Block; isGivenUp: boolean } | null = null;
  #number = 0;
  #queuedBytes = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    const taken = this.#taken === null || this.#taken.isGivenUp ? 0 : this.#taken.block.bytes;
    return taken + this.#queuedBytes + (this.#open?.bytes ?? 0);
  }

  /** The block to write into; a full one, or one of another partition, is closed. `now` is Unix ms. */
  open(now: number): Block {
    const arrived = Math.floor(now / 1000 / PARTITION_S) * PARTITION_S;
    if (this.#open !== null && (this.#open.bytes >= BLOCK_BYTES || this.#open.arrived !== arrived)) this.#close();
    this.#open ??= new Block(++this.#number, arrived, now);
    return this.#open;
  }

  /** The next block to insert, null if none is full or old enough; `all` takes young ones, too. */
  take(now: number, all: boolean): Block | null {
    const open = this.#open;
    const isDue = open !== null && !open.isEmpty && (all || now - open.begun >= BLOCK_MS || open.bytes >= BLOCK_BYTES);
    if (this.#queue.length === 0 && isDue) this.#close();
    const block = this.#queue.shift() ?? null;
    if (block !== null) {
      this.#queuedBytes -= block.bytes;
      this.#taken = { block, isGivenUp: false };
    }
    return block;
  }

  /** The block that was taken is stored, or given up. */
  done(): void {
    this.#taken = null;
  }

  /** Whether the block that was taken is to be given up, for room. */
  get isGivenUp(): boolean {
    return this.#taken?.isGivenUp ?? false;
  }

  /** Makes room: returns the queued blocks that are given up. While inserts fail, the block that was taken goes first. */
  shrink(isFailing: boolean): Block[] {
    const gone: Block[] = [];
    while (this.bytes > this.limit) {
      if (isFailing && this.#taken !== null && !this.#taken.isGivenUp) {
        this.#taken.isGivenUp = true;
        continue;
      }
      const block = this.#queue.shift();
      if (block === undefined) break;
      this.#queuedBytes -= block.bytes;
      gone.push(block);
    }
    return gone;
  }

  #close(): void {
    if (this.#open === null) return;
    this.#queue.push(this.#open);
    this.#queuedBytes += this.#open.bytes;
    this.#open = null;
  }
}
