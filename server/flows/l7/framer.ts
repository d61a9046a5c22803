/**
 * Cuts one direction of a connection into the frames of a protocol whose frames say their length. A frame is told once:
 * when it is whole, when enough bytes of it are there, or when it turns out that no more of it was captured. Bytes that
 * are not captured do no harm within a frame; beyond its end the place is lost.
 */
import type { Lane, LaneOwner } from './turns.ts';

/** Bytes kept of a frame that is not whole; no parser looks further. */
const MAX_HELD = 4096;
const NOTHING = Buffer.alloc(0);

/** What a protocol says of its frames. */
export interface Framing {
  /** Length of the frame at `at`, head and all; 0 if the bytes do not show it yet, -1 if no frame begins like that. */
  frameLength(bytes: Buffer, at: number): number;
  /** A frame: bytes[start, end) is what there is of its `length` bytes. `timeNs`: when its first byte was seen. */
  frame(bytes: Buffer, start: number, end: number, length: number, timeNs: number): void;
}

export class Framer implements Lane {
  isLost = false;
  readonly #framing: Framing;
  readonly #owner: LaneOwner;
  readonly #enough: number;
  /** The beginning of a frame that was not told yet, and when it was seen. */
  #held: Buffer = NOTHING;
  #heldNs = 0;
  /** Bytes still to come of the frame told last. */
  #rest = 0;

  /** With `enough` bytes of a frame it is told; the rest is not waited for. */
  constructor(framing: Framing, owner: LaneOwner, enough = MAX_HELD) {
    this.#framing = framing;
    this.#owner = owner;
    this.#enough = enough;
  }

  get bytes(): number {
    return this.#held.length;
  }

  data(captured: Buffer, timeNs: number): void {
    let bytes = captured;
    let at = Math.min(this.#rest, bytes.length);
    this.#rest -= at;
    let beganNs = timeNs;
    /** Where the bytes of this call begin. */
    let fresh = 0;
    if (this.#held.length > 0) {
      fresh = this.#held.length;
      bytes = Buffer.concat([this.#held, captured]);
      beganNs = this.#heldNs;
      this.#held = NOTHING;
      at = 0;
    }
    while (at < bytes.length) {
      const length = this.#framing.frameLength(bytes, at);
      if (length < 0) {
        this.#owner.broken(this);
        return;
      }
      const there = bytes.length - at;
      const began = at < fresh ? beganNs : timeNs;
      if (length === 0 || (there < length && there < this.#enough)) {
        this.#held = Buffer.from(bytes.subarray(at));
        this.#heldNs = began;
        return;
      }
      const end = at + Math.min(there, length);
      this.#rest = length - (end - at);
      this.#framing.frame(bytes, at, end, length, began);
      if (this.isLost) return;
      at = end;
    }
  }

  finish(): void {
    if (this.#held.length === 0) return;
    const bytes = this.#held;
    const length = this.#framing.frameLength(bytes, 0);
    // A head in two parts is none that was cut: its rest may still come.
    if (length <= 0) return;
    this.#held = NOTHING;
    this.#rest = length - bytes.length;
    this.#framing.frame(bytes, 0, bytes.length, length, this.#heldNs);
  }

  skip(length: number): boolean {
    this.finish();
    if (this.#held.length > 0 || length > this.#rest) return false;
    this.#rest -= length;
    return true;
  }

  reset(): void {
    this.#held = NOTHING;
    this.#rest = 0;
    this.isLost = false;
  }
}
