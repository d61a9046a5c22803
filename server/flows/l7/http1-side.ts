/** Where one side of an HTTP/1 connection is: in a head, in a body, or lost. */
import { ChunkedBody } from './http1-chunks.ts';
import { findHeadEnd } from './http1-head.ts';

/** Longest head that is kept until it is whole, bytes; of longer ones the first part is told. */
export const MAX_HEAD = 8 * 1024;
const LEAST_ROOM = 512;

/** What the next byte of a side belongs to. */
export const STATE = {
  head: 0,
  body: 1,
  chunks: 2,
  /** It is not known: the next capture that begins with a head tells. */
  seek: 3,
  /** Another protocol, for good. */
  opaque: 4,
} as const;

export class Side {
  readonly fromClient: boolean;
  state: (typeof STATE)[keyof typeof STATE] = STATE.head;
  /** Bytes left of the body. */
  left = 0;
  /** How long the body is rests on a guess: a capture that begins with a head ends it. */
  isGuess = false;
  readonly chunks = new ChunkedBody();
  /** A head that is not whole yet. */
  partial: Buffer | null = null;
  partialLength = 0;
  /** The head in `partial` has come to its end. */
  isHeadWhole = false;
  /** When its first byte was seen, ns. */
  startNs = 0;

  constructor(fromClient: boolean) {
    this.fromClient = fromClient;
  }

  /** Bytes it keeps. */
  get bytes(): number {
    return this.partial?.length ?? 0;
  }

  /** Keeps bytes from `from` on, up to the end of the head or MAX_HEAD. @returns how many of them. */
  add(bytes: Buffer, from: number): number {
    const kept = this.partialLength;
    const length = Math.min(MAX_HEAD - kept, bytes.length - from);
    let { partial } = this;
    if (partial === null || kept + length > partial.length) {
      partial = Buffer.allocUnsafeSlow(Math.max(LEAST_ROOM, 2 ** Math.ceil(Math.log2(kept + length))));
      this.partial?.copy(partial, 0, 0, kept);
      this.partial = partial;
    }
    bytes.copy(partial, kept, from, from + length);
    // The end of a head is three bytes at most.
    const end = findHeadEnd(partial, Math.max(0, kept - 2), kept + length);
    this.isHeadWhole = end >= 0;
    this.partialLength = this.isHeadWhole ? end : kept + length;
    return this.partialLength - kept;
  }

  dropPartial(): void {
    this.partial = null;
    this.partialLength = 0;
    this.isHeadWhole = false;
  }
}
