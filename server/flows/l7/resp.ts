/**
 * Walks one direction of a Redis connection (RESP2 and RESP3, redis.io/docs/reference/protocol-spec): finds where each
 * value ends without building it, however large or nested, and tells of the few texts at its top that matter. Bytes of a
 * bulk string that were not captured do no harm.
 */
import type { Lane, LaneOwner } from './turns.ts';

/** Nested deeper than any reply of Redis. */
const MAX_DEPTH = 32;
/** Longest line with a length in it, with room for a large number. */
const MAX_NUMBER_LINE = 32;
/** Bytes kept of a text. */
const MAX_TEXT = 512;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** `|`: attributes, which come before the value they belong to. */
const ATTRIBUTE = 0x7c;

export interface RespVisitor {
  /** A value begins: its type's character, and how many elements it has if it is an aggregate. */
  begin(type: number, elements: number, timeNs: number): void;
  /** Whether text `index` of the value is of interest: 0 of a plain value, else of its elements' texts. */
  wantsText(index: number): boolean;
  /** A text, or the beginning of one. */
  text(index: number, text: string): void;
  /** The value is whole, or no more of it was captured. */
  end(): void;
  /** A client may write commands as plain lines. */
  readonly hasInline: boolean;
}

export class RespLane implements Lane {
  isLost = false;
  readonly #visitor: RespVisitor;
  readonly #owner: LaneOwner;
  /** Elements still to come, of each aggregate that is open. */
  readonly #open: number[] = [];
  /** What is open are attributes, and the value they belong to comes after them. */
  #isAttribute = false;
  /** Bytes still to come of a bulk string, CR and LF with them; 0 while lines are read. */
  #bulk = 0;
  /** What was read of the line or text at hand. */
  #kept: Buffer[] = [];
  #keptLength = 0;
  /** Number of the text at hand. */
  #index = 0;
  #isTold = false;
  /** Type of the line at hand, 0 where none began. */
  #type = 0;
  #timeNs = 0;

  constructor(visitor: RespVisitor, owner: LaneOwner) {
    this.#visitor = visitor;
    this.#owner = owner;
  }

  get bytes(): number {
    return this.#keptLength + this.#open.length * 8;
  }

  data(bytes: Buffer, timeNs: number): void {
    let at = 0;
    while (at < bytes.length && !this.isLost) {
      at = this.#bulk > 0 ? this.#readBulk(bytes, at) : this.#line(bytes, at, timeNs);
    }
    // The bytes are valid during the call only.
    if (this.#keptLength > 0) this.#kept = [Buffer.concat(this.#kept)];
  }

  /** What the value's texts say so far is all that will be known of it. */
  finish(): void {
    if (this.#isTold || this.#isAttribute || this.#open.length === 0) return;
    if (this.#bulk > 0) this.#tellText();
    this.#isTold = true;
    this.#visitor.end();
  }

  skip(length: number): boolean {
    this.finish();
    if (this.#bulk === 0 || length > this.#bulk) return false;
    this.#bulk -= length;
    if (this.#bulk === 0) this.#valueEnds();
    return true;
  }

  reset(): void {
    this.#open.length = 0;
    this.#isAttribute = false;
    this.#bulk = 0;
    this.#forget();
    this.#index = 0;
    this.#isTold = false;
    this.#type = 0;
    this.isLost = false;
  }

  #readBulk(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#bulk);
    // Without CR and LF.
    const text = Math.min(end, at + this.#bulk - 2);
    if (text > at && this.#wants()) this.#keep(bytes, at, text);
    this.#bulk -= end - at;
    if (this.#bulk === 0) {
      this.#tellText();
      this.#valueEnds();
    }
    return end;
  }

  /** Reads a line, or what there is of it. */
  #line(bytes: Buffer, start: number, timeNs: number): number {
    let at = start;
    if (this.#type === 0) {
      this.#type = bytes[at] ?? 0;
      this.#timeNs = timeNs;
      if (!isType(this.#type) && !(this.#visitor.hasInline && this.#open.length === 0)) return this.#break(at);
      // An inline command's first character is a part of it.
      if (isType(this.#type)) at += 1;
    }
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    this.#keep(bytes, at, end);
    if (newline < 0) return isLength(this.#type) && this.#keptLength > MAX_NUMBER_LINE ? this.#break(end) : end;
    const type = this.#type;
    const line = this.#take();
    this.#type = 0;
    if (isLength(type)) this.#length(type, line);
    else this.#plain(type, line);
    return end + 1;
  }

  #plain(type: number, line: string): void {
    if (this.#open.length === 0) this.#begin(type, 0);
    if (this.#wants()) this.#visitor.text(this.#index, line);
    this.#valueEnds();
  }

  #length(type: number, line: string): void {
    const length = /^-?\d{1,10}$/.test(line) ? Number(line) : Number.NaN;
    if (!(length >= -1 && length < 2 ** 31)) {
      this.#break(0);
      return;
    }
    const isMap = type === 0x25 || type === ATTRIBUTE;
    if (this.#open.length === 0 && type !== ATTRIBUTE) this.#begin(type, Math.max(0, length));
    if (length < 0 || (length === 0 && !isBulk(type))) this.#valueEnds();
    else if (isBulk(type)) this.#bulk = length + 2;
    else if (this.#open.length >= MAX_DEPTH) this.#break(0);
    else {
      this.#isAttribute ||= type === ATTRIBUTE && this.#open.length === 0;
      // Attributes within a value are no element of it.
      if (type === ATTRIBUTE && this.#open.length > 0) this.#countDown(-1);
      this.#open.push(isMap ? 2 * length : length);
    }
  }

  #begin(type: number, elements: number): void {
    this.#index = 0;
    this.#isTold = false;
    this.#visitor.begin(type, elements, this.#timeNs);
  }

  /** A value ended, and with it every aggregate whose last element it was. */
  #valueEnds(): void {
    this.#index += 1;
    while (this.#open.length > 0) {
      if (this.#countDown(1) > 0) return;
      this.#open.pop();
    }
    if (this.#isAttribute) {
      this.#isAttribute = false;
      return;
    }
    if (!this.#isTold) this.#visitor.end();
    this.#isTold = false;
  }

  #countDown(by: number): number {
    const last = this.#open.length - 1;
    const left = (this.#open[last] ?? 0) - by;
    this.#open[last] = left;
    return left;
  }

  #wants(): boolean {
    return !this.#isTold && !this.#isAttribute && this.#visitor.wantsText(this.#index);
  }

  #tellText(): void {
    if (this.#wants()) this.#visitor.text(this.#index, this.#take());
    this.#forget();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const length = Math.min(end - start, MAX_TEXT - this.#keptLength);
    if (length <= 0) return;
    this.#kept.push(bytes.subarray(start, start + length));
    this.#keptLength += length;
  }

  /** The text at hand, without the CR of a line's end. */
  #take(): string {
    const bytes = this.#kept.length === 1 ? (this.#kept[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#kept);
    const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
    const text = bytes.toString('utf8', 0, end);
    this.#forget();
    return text;
  }

  #forget(): void {
    if (this.#keptLength > 0) this.#kept = [];
    this.#keptLength = 0;
  }

  #break(at: number): number {
    this.#owner.broken(this);
    this.#type = 0;
    this.#forget();
    return at;
  }
}

/** `$ = !` */
function isBulk(type: number): boolean {
  return type === 0x24 || type === 0x3d || type === 0x21;
}

/** Types whose line holds a length: bulk strings and `* ~ > % |`. */
function isLength(type: number): boolean {
  return isBulk(type) || type === 0x2a || type === 0x7e || type === 0x3e || type === 0x25 || type === ATTRIBUTE;
}

/** The above and `+ - : , # _ (`. */
function isType(type: number): boolean {
  return (
    isLength(type) ||
    type === 0x2b ||
    type === 0x2d ||
    type === 0x3a ||
    type === 0x2c ||
    type === 0x23 ||
    type === 0x5f ||
    type === 0x28
  );
}
