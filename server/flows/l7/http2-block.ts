/** A header block whose fragments come in more than one frame (RFC 9113, 4.3). */
import { MAX_BLOCK_BYTES } from './hpack.ts';

const LEAST_ROOM = 1024;
const NOTHING = Buffer.alloc(0);

export class HeaderBlock {
  bytes: Buffer = NOTHING;
  /** Of the bytes, how many are the block's. */
  length = 0;
  /** It goes on, but the rest was not captured, or is more than MAX_BLOCK_BYTES. */
  isCut = false;

  /** Bytes it keeps. */
  get size(): number {
    return this.bytes.length;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.length = 0;
    this.isCut = false;
  }

  /** Adds a fragment, unless one before it was cut. `isCut`: the end of this one was not captured. */
  add(bytes: Buffer, from: number, to: number, isCut: boolean): void {
    if (this.isCut) return;
    const added = Math.min(to - from, MAX_BLOCK_BYTES - this.length);
    const needed = this.length + added;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK_BYTES, Math.max(LEAST_ROOM, 2 * needed)));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    bytes.copy(this.bytes, this.length, from, from + added);
    this.length = needed;
    this.isCut = isCut || added < to - from;
  }
}
