/**
 * Heads of HTTP/1 messages (RFC 9112, 2 to 6) in place: lines are found once, then only the fields that matter are
 * looked at. Nothing here makes strings but the functions that return one.
 */
import type { HttpMessage } from '../../wire/l7.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

/** Lines of a head that are looked at; those beyond are skipped. */
const MAX_LINES = 128;
/** Longest target that is looked at, bytes. */
const MAX_TARGET = 4096;
const MAX_METHOD = 24;

export const UNTIL_CLOSE = -1;
export const CHUNKED = -2;

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'];

/**
 * One head. The instance is used again for every head: its texts are read at once, or not at all. `lines` are where the
 * lines begin; lines[0] is the start line, and the line after the last is where the body begins.
 */
export class Http1Head {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #lines = new Int32Array(MAX_LINES + 1);
  #count = 0;
  #targetFrom = 0;
  #targetTo = 0;
  #methodTo = 0;

  /** Content-Length, CHUNKED, or undefined if neither is there; UNTIL_CLOSE for another transfer coding. */
  framing: number | undefined;
  hasUpgrade = false;

  /**
   * Finds the lines of the head that begins at `from`, of bytes up to `to`. @returns where its body begins; -1 if its end
   * is not there, with the lines that are whole.
   */
  scan(bytes: Buffer, from: number, to: number): number {
    this.#bytes = bytes;
    const lines = this.#lines;
    let count = 0;
    let start = from;
    lines[0] = from;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== LF) continue;
      const length = at - start;
      if (length === 0 || (length === 1 && bytes[start] === CR)) {
        this.#count = count;
        return at + 1;
      }
      start = at + 1;
      if (count < MAX_LINES) lines[++count] = start;
    }
    this.#count = count;
    return -1;
  }

  /** For a head that was cut within its first line: takes what is there up to `to` for the line. */
  takeFirstLine(to: number): void {
    if (this.#count > 0) return;
    this.#lines[1] = to + 1;
    this.#count = 1;
  }

  /** Whether the start line is that of a request: `method target HTTP/1.x`; the version may be missing if `isCut`. */
  isRequest(isCut: boolean): boolean {
    const bytes = this.#bytes;
    const from = this.#lines[0] as number;
    const to = this.#lineEnd(0);
    let at = from;
    while (at < to && bytes[at] !== SPACE) at++;
    if (at === from || at - from > MAX_METHOD || at === to || !isToken(bytes, from, at)) return false;
    this.#methodTo = at;
    this.#targetFrom = at + 1;
    const version = to - 9;
    const hasVersion = version > at && bytes[version] === SPACE && isVersion(bytes, version + 1);
    if (!hasVersion && !isCut) return false;
    this.#targetTo = hasVersion ? version : to;
    return this.#targetTo > this.#targetFrom;
  }

  /** Status code of a status line, 0 if it is none. */
  status(): number {
    const bytes = this.#bytes;
    const from = this.#lines[0] as number;
    if (this.#lineEnd(0) - from < 12 || !isVersion(bytes, from) || bytes[from + 8] !== SPACE) return 0;
    let code = 0;
    for (let at = from + 9; at < from + 12; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) return 0;
      code = code * 10 + digit;
    }
    return code >= 100 && code < 600 ? code : 0;
  }

  /** Reads the fields that say how long the body is, and whether an upgrade is meant. @returns false if they contradict. */
  readFraming(): boolean {
    this.framing = undefined;
    this.hasUpgrade = false;
    const bytes = this.#bytes;
    for (let line = 1; line < this.#count; line++) {
      const from = this.#lines[line] as number;
      const first = (bytes[from] as number) | 0x20;
      // Of the names, only these three matter; their first letters leave few to compare.
      if (first === 0x63) {
        if (hasName(bytes, from, 'content-length') && this.framing === undefined) {
          const length = this.#number(line, from + 15);
          if (length < 0) return false;
          this.framing = length;
        }
      } else if (first === 0x74) {
        if (hasName(bytes, from, 'transfer-encoding')) this.framing = this.#isChunked(line) ? CHUNKED : UNTIL_CLOSE;
      } else if (first === 0x75) {
        if (hasName(bytes, from, 'upgrade')) this.hasUpgrade = true;
      }
    }
    return true;
  }

  method(): string {
    const from = this.#lines[0] as number;
    const length = this.#methodTo - from;
    for (const method of METHODS) {
      if (method.length === length && hasText(this.#bytes, from, method)) return method;
    }
    return this.#bytes.toString('latin1', from, this.#methodTo);
  }

  target(): string {
    return this.#bytes.toString('latin1', this.#targetFrom, Math.min(this.#targetTo, this.#targetFrom + MAX_TARGET));
  }

  /** `HTTP/1.1`; `HTTP/1.0` for those that say so. */
  version(isRequest: boolean): string {
    const at = isRequest ? this.#targetTo + 8 : (this.#lines[0] as number) + 7;
    return this.#bytes[at] === 0x30 ? 'HTTP/1.0' : 'HTTP/1.1';
  }

  /** Value of the first field of that name (in lower case), '' if there is none. */
  field(name: string): string {
    for (let line = 1; line < this.#count; line++) {
      const from = this.#lines[line] as number;
      if (hasName(this.#bytes, from, name)) return this.#value(line, from + name.length + 1);
    }
    return '';
  }

  headers(): HttpMessage['headers'] {
    const headers: HttpMessage['headers'] = [];
    for (let line = 1; line < this.#count; line++) {
      const from = this.#lines[line] as number;
      const colon = this.#bytes.indexOf(COLON, from);
      if (colon <= from || colon >= this.#lineEnd(line)) continue;
      headers.push({ key: this.#bytes.toString('latin1', from, colon), value: this.#value(line, colon + 1) });
    }
    return headers;
  }

  /** Where the text of a line ends. */
  #lineEnd(line: number): number {
    const end = (this.#lines[line + 1] as number) - 1;
    return end > (this.#lines[line] as number) && this.#bytes[end - 1] === CR ? end - 1 : end;
  }

  #value(line: number, from: number): string {
    return this.#bytes.toString('latin1', from, this.#lineEnd(line)).trim();
  }

  /** A decimal number, -1 if there is none, or one that is too large to be meant. A list of equal ones counts once. */
  #number(line: number, from: number): number {
    const end = this.#lineEnd(line);
    let at = from;
    while (at < end && this.#bytes[at] === SPACE) at++;
    let value = 0;
    const first = at;
    for (; at < end; at++) {
      const digit = (this.#bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return at > first && value <= Number.MAX_SAFE_INTEGER ? value : -1;
  }

  /** Whether the last coding is `chunked` (RFC 9112, 6.1). */
  #isChunked(line: number): boolean {
    let end = this.#lineEnd(line);
    while (end > 0 && this.#bytes[end - 1] === SPACE) end--;
    return hasText(this.#bytes, end - 7, 'chunked');
  }
}

/** Whether bytes look like the beginning of a head: `METHOD /…`, or `HTTP/1.`. */
export function beginsWithHead(fromClient: boolean, bytes: Buffer): boolean {
  if (!fromClient) return isVersion(bytes, 0);
  let at = 0;
  while (at < MAX_METHOD && isUpper(bytes[at])) at++;
  if (at < 3 || bytes[at] !== SPACE) return false;
  const next = bytes[at + 1];
  // A path, an absolute URL, or the asterisk; the target of a CONNECT begins with anything.
  return next === 0x2f || next === 0x68 || next === 0x2a || (at === 7 && hasText(bytes, 0, 'CONNECT'));
}

/** Where the body begins of the head in bytes up to `to`, looking for its end from `from` on; -1 if it is not there. */
export function findHeadEnd(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== LF) continue;
    if (bytes[at + 1] === LF && at + 1 < to) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF && at + 2 < to) return at + 3;
  }
  return -1;
}

/** `HTTP/1.` and a digit. */
function isVersion(bytes: Buffer, at: number): boolean {
  const minor = bytes[at + 7];
  return hasText(bytes, at, 'http/1.') && bytes[at] === 0x48 && minor !== undefined && minor >= 48 && minor <= 57;
}

function isUpper(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 65 && byte <= 90;
}

function isToken(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    const isLetter = isUpper(byte & ~0x20);
    if (!isLetter && byte !== 0x2d && byte !== 0x5f && !(byte >= 48 && byte <= 57)) return false;
  }
  return true;
}

/** A field's name, without regard to case, and its colon. */
function hasName(bytes: Buffer, at: number, name: string): boolean {
  return bytes[at + name.length] === COLON && hasText(bytes, at, name);
}

/** Compares without regard to case. */
function hasText(bytes: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (((bytes[at + i] as number) | 0x20) !== (text.charCodeAt(i) | 0x20)) return false;
  }
  return true;
}
