/** Blocks on their way to the store, oldest first, bounded by bytes. */
import { Block } from './block.ts';
import { PARTITION_S } from './tables.ts';

/** A block that has so many bytes, or is so old, is inserted. Every insert makes parts, and larger ones cost less a row. */
const BLOCK_BYTES = 16 * 1024 * 1024;
const BLOCK_MS = 500;

export class Backlog {
  readonly #limit: number;
  readonly #blockBytes: number;
  #open: Block | null = null;
  #queue: Block[] = [];
  #taken: { block: Block; isGivenUp: boolean } | null = null;
  #number = 0;
  #queuedBytes = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
    // What is being written cannot be given up.
    this.#blockBytes = Math.min(BLOCK_BYTES, limit / 4);
  }

  get bytes(): number {
    const taken = this.#taken === null || this.#taken.isGivenUp ? 0 : this.#taken.block.bytes;
    return taken + this.#queuedBytes + (this.#open?.bytes ?? 0);
  }

  /** The block to write into; a full one, or one of another partition, is closed. `now` is Unix ms. */
  open(now: number): Block {
    const arrived = Math.floor(now / 1000 / PARTITION_S) * PARTITION_S;
    const known = this.#open;
    if (known !== null && (known.bytes >= this.#blockBytes || known.arrived !== arrived)) this.#close();
    this.#open ??= new Block(++this.#number, arrived);
    return this.#open;
  }

  /** The next block to insert, null if none is full or old enough; `all` takes young ones, too. */
  take(all: boolean): Block | null {
    const open = this.#open;
    const isDue =
      all || (open !== null && (performance.now() - open.begunMs >= BLOCK_MS || open.bytes >= this.#blockBytes));
    if (this.#queue.length === 0 && isDue && open?.isEmpty === false) this.#close();
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
    while (this.bytes > this.#limit) {
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
