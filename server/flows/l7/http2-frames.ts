/**
 * Frames of one direction of an HTTP/2 connection (RFC 9113, 4 and 6). Payloads are looked at where heads and ends of
 * streams are told; all others are stepped over. What was not captured of a payload is no loss; what hides a frame's head is.
 */
import { MAX_BLOCK_BYTES } from './hpack.ts';
import { HeaderBlock } from './http2-block.ts';
import { HEAD, isRead, isValidFrame, looksLikeFrame, PREFACE, startsWith, TYPE } from './http2-rules.ts';

export interface FrameHandler {
  /** A header block, whole unless `isCut`; its first byte was seen at `timeNs`. */
  headers(id: number, isLast: boolean, bytes: Buffer, from: number, to: number, isCut: boolean, timeNs: number): void;
  /** The block of a PUSH_PROMISE, which changes the decoder's table like any other. */
  promise(bytes: Buffer, from: number, to: number, isCut: boolean): void;
  /** DATA that is the last of its stream. */
  lastData(id: number, timeNs: number): void;
  reset(id: number, errorCode: number, timeNs: number): void;
  goAway(lastId: number): void;
  /** A header block may have been missed. */
  missed(): void;
  lost(cause: 'gap' | 'malformed'): void;
}

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;

const PLACE = { preface: 0, head: 1, payload: 2, seek: 3 } as const;

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #fromClient: boolean;
  #place: (typeof PLACE)[keyof typeof PLACE];
  /** Frames so far, and whether the first one must be SETTINGS. */
  #isFirst = true;
  /** Bytes of the preface or of a frame's head that are there. */
  #got = 0;
  readonly #head = Buffer.allocUnsafe(HEAD);
  #type = 0;
  #flags = 0;
  #id = 0;
  #length = 0;
  /** Bytes of the payload that are still to come. */
  #left = 0;
  /** A payload that is looked at and not whole yet. */
  #payload: Buffer | null = null;
  #payloadLength = 0;
  #isCut = false;
  /** A header block that goes on in CONTINUATION frames: of its first frame the stream (0 if there is none), type and flags. */
  readonly #block = new HeaderBlock();
  #blockId = 0;
  #blockType = 0;
  #isBlockLast = false;
  #startNs = 0;
  #nowNs = 0;

  constructor(handler: FrameHandler, fromClient: boolean) {
    this.#handler = handler;
    this.#fromClient = fromClient;
    this.#place = fromClient ? PLACE.preface : PLACE.head;
  }

  /** Bytes it keeps. */
  get bytes(): number {
    return (this.#payload?.length ?? 0) + this.#block.size;
  }

  data(bytes: Buffer, timeNs: number): void {
    this.#nowNs = timeNs;
    let at = 0;
    if (this.#place === PLACE.seek) {
      if (this.#fromClient && startsWith(bytes, PREFACE)) at = PREFACE.length;
      else if (!looksLikeFrame(bytes)) return;
      this.#place = PLACE.head;
    }
    while (at < bytes.length) {
      switch (this.#place) {
        case PLACE.preface:
          at = this.#preface(bytes, at);
          break;
        case PLACE.head:
          at = this.#frameHead(bytes, at);
          break;
        case PLACE.payload:
          at = this.#payloadBytes(bytes, at);
          break;
        default:
          return;
      }
    }
  }

  skip(length: number): void {
    if (this.#place === PLACE.seek) return;
    if (this.#place !== PLACE.payload) {
      this.#lose('gap');
      return;
    }
    const missing = Math.min(length, this.#left);
    this.#left -= missing;
    this.#isCut = true;
    if (this.#left === 0) this.#endPayload();
    if (length > missing) this.#lose('gap');
  }

  #lose(cause: 'gap' | 'malformed'): void {
    this.#place = PLACE.seek;
    this.#got = 0;
    this.#payload = null;
    this.#block.clear();
    this.#blockId = 0;
    this.#handler.missed();
    this.#handler.lost(cause);
  }

  #preface(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#got < PREFACE.length) {
      if (bytes[at] !== PREFACE[this.#got]) {
        // Capture may have begun in the middle of the connection.
        if (this.#got === 0 && looksLikeFrame(bytes)) {
          this.#handler.missed();
          this.#place = PLACE.head;
        } else {
          this.#lose('malformed');
        }
        return from;
      }
      at++;
      this.#got++;
    }
    if (this.#got === PREFACE.length) {
      this.#got = 0;
      this.#place = PLACE.head;
    }
    return at;
  }

  #frameHead(bytes: Buffer, from: number): number {
    let head = bytes;
    let at = from;
    let next = from + HEAD;
    if (this.#got > 0 || bytes.length - from < HEAD) {
      const take = Math.min(HEAD - this.#got, bytes.length - from);
      bytes.copy(this.#head, this.#got, from, from + take);
      this.#got += take;
      if (this.#got < HEAD) return from + take;
      this.#got = 0;
      head = this.#head;
      at = 0;
      next = from + take;
    }
    this.#length = head.readUIntBE(at, 3);
    this.#type = head[at + 3] as number;
    this.#flags = head[at + 4] as number;
    this.#id = head.readUInt32BE(at + 5) & 0x7fff_ffff;
    if (!isValidFrame(this.#type, this.#length, this.#id)) {
      this.#lose('malformed');
      return next;
    }
    if (this.#isFirst && this.#type !== TYPE.settings) this.#handler.missed();
    this.#isFirst = false;
    if (this.#blockId !== 0 && this.#type !== TYPE.continuation) {
      this.#lose('malformed');
      return next;
    }
    this.#left = this.#length;
    this.#isCut = false;
    this.#payloadLength = 0;
    this.#place = PLACE.payload;
    if (this.#type === TYPE.headers || this.#type === TYPE.promise) this.#startNs = this.#nowNs;
    if (this.#type === TYPE.data && (this.#flags & END_STREAM) !== 0) this.#handler.lastData(this.#id, this.#nowNs);
    if (this.#left === 0) this.#endPayload();
    return next;
  }

  #payloadBytes(bytes: Buffer, from: number): number {
    const take = Math.min(this.#left, bytes.length - from);
    this.#left -= take;
    if (isRead(this.#type)) {
      if (take === this.#length && take <= MAX_BLOCK_BYTES) {
        this.#place = PLACE.head;
        this.#frame(bytes, from, from + take);
        return from + take;
      }
      this.#keep(bytes, from, from + take);
    }
    if (this.#left === 0) this.#endPayload();
    return from + take;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    // Bytes after a part that was not captured would be taken for others.
    if (this.#isCut) return;
    this.#payload ??= Buffer.allocUnsafeSlow(Math.min(this.#length, MAX_BLOCK_BYTES));
    const room = this.#payload.length - this.#payloadLength;
    bytes.copy(this.#payload, this.#payloadLength, from, Math.min(to, from + room));
    this.#payloadLength += Math.min(to - from, room);
    if (to - from > room) this.#isCut = true;
  }

  #endPayload(): void {
    this.#place = PLACE.head;
    const payload = this.#payload ?? Buffer.alloc(0);
    this.#payload = null;
    if (isRead(this.#type)) this.#frame(payload, 0, this.#payloadLength);
  }

  /** A frame whose payload, as far as it was captured, is in bytes `from` to `to`. */
  #frame(bytes: Buffer, from: number, to: number): void {
    switch (this.#type) {
      case TYPE.headers:
      case TYPE.promise:
        this.#firstFragment(bytes, from, to);
        break;
      case TYPE.continuation:
        if (this.#blockId !== this.#id || this.#id === 0) {
          this.#lose('malformed');
          return;
        }
        this.#block.add(bytes, from, to, this.#isCut);
        if ((this.#flags & END_HEADERS) !== 0) this.#endBlock();
        break;
      case TYPE.reset:
        if (to - from >= 4) this.#handler.reset(this.#id, bytes.readUInt32BE(from), this.#nowNs);
        break;
      case TYPE.goAway:
        if (to - from >= 4) this.#handler.goAway(bytes.readUInt32BE(from) & 0x7fff_ffff);
        break;
    }
  }

  #firstFragment(bytes: Buffer, from: number, to: number): void {
    let start = from;
    let end = from + this.#length;
    if ((this.#flags & PADDED) !== 0) {
      end -= (bytes[start] ?? 0) as number;
      start += 1;
    }
    if (this.#type === TYPE.promise) start += 4;
    else if ((this.#flags & PRIORITY) !== 0) start += 5;
    if (start > end) {
      this.#lose('malformed');
      return;
    }
    // Only padding may be what was cut.
    const isCut = this.#isCut && end > to;
    end = Math.max(start, Math.min(end, to));
    if (start > to) start = end = to;
    const isLast = (this.#flags & END_STREAM) !== 0;
    if ((this.#flags & END_HEADERS) !== 0) {
      this.#deliver(this.#type, this.#id, isLast, bytes, start, end, isCut);
      return;
    }
    this.#blockId = this.#id;
    this.#blockType = this.#type;
    this.#isBlockLast = isLast;
    this.#block.clear();
    this.#block.add(bytes, start, end, isCut);
  }

  #endBlock(): void {
    const { bytes, length, isCut } = this.#block;
    const id = this.#blockId;
    this.#blockId = 0;
    this.#block.clear();
    this.#deliver(this.#blockType, id, this.#isBlockLast, bytes, 0, length, isCut);
  }

  #deliver(type: number, id: number, isLast: boolean, bytes: Buffer, from: number, to: number, isCut: boolean): void {
    if (type === TYPE.promise) this.#handler.promise(bytes, from, to, isCut);
    else this.#handler.headers(id, isLast, bytes, from, to, isCut, this.#startNs);
  }
}
