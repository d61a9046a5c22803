/**
 * The messages of PostgreSQL protocol 3 (PostgreSQL 15 manual, 55.7): which there are, how long, and their few fields of
 * interest.
 */

export const PROTOCOL_3 = 3;
export const SSL_REQUEST = 80877103;
export const GSS_REQUEST = 80877104;
export const CANCEL_REQUEST = 80877102;
/** Longest message without a row or a statement in it, bytes. */
export const MAX_STARTUP = 10_000;
/** PostgreSQL's own bound (MaxAllocSize). */
const MAX_LENGTH = 0x3fffffff;

export const CLIENT_TYPES = typeTable('BCDEFHPQSXcdfp');
export const SERVER_TYPES = typeTable('123ACDEGHIKNRSTVWZcdnstv');
/** CommandComplete, ErrorResponse, EmptyQueryResponse, PortalSuspended. */
const END_TYPES = typeTable('CEIs');
/** internal_error, where the server's own code was not captured. */
export const UNKNOWN_ERROR = 'XX000';
export const Z = 0x5a;
/** ReadyForQuery, bytes. */
export const READY_BYTES = 6;

function typeTable(types: string): ReadonlySet<number> {
  return new Set(Buffer.from(types));
}

/** Where the message before ReadyForQuery begins that ends a statement, -1 if it is not there. */
export function endMessage(bytes: Buffer, ready: number): number {
  for (let at = ready - 5; at >= 0; at -= 1) {
    const isEnd = END_TYPES.has(bytes[at] ?? 0);
    if (isEnd && at + 1 + bytes.readInt32BE(at + 1) === ready) return at;
  }
  return -1;
}

export function isLength(length: number): boolean {
  return length >= 4 && length <= MAX_LENGTH;
}

/** Of a message with a type; -1 if it cannot be one. */
export function frameLength(bytes: Buffer, at: number, types: ReadonlySet<number>): number {
  const length = bytes.readInt32BE(at + 1);
  return types.has(bytes[at] ?? 0) && isLength(length) ? length + 1 : -1;
}

/** A text up to its zero, or as far as it goes. */
export function text(bytes: Buffer, start: number, end: number): string {
  const zero = bytes.indexOf(0, start);
  return bytes.toString('utf8', start, zero < 0 || zero > end ? end : zero);
}

export function afterText(bytes: Buffer, start: number, end: number): number {
  const zero = bytes.indexOf(0, start);
  return zero < 0 || zero >= end ? end : zero + 1;
}

/** The rows in a command tag: `INSERT 0 2`, `SELECT 4`. */
export function rowsOf(tag: string): number | null {
  const rows = /^[A-Z ]+(?: \d+)? (\d{1,15})$/.exec(tag)?.[1];
  return rows === undefined ? null : Number(rows);
}

export interface ErrorFields {
  /** SQLSTATE. */
  code: string;
  isFatal: boolean;
}

/** Of an ErrorResponse (55.8). */
export function errorFields(bytes: Buffer, start: number, end: number): ErrorFields {
  let code = '';
  let isFatal = false;
  for (let at = start; at < end && bytes[at] !== 0; at = afterText(bytes, at, end)) {
    if (bytes[at] === 0x43) code = text(bytes, at + 1, end);
    // V is S without translation, and not sent before 9.6.
    if (bytes[at] === 0x56 || bytes[at] === 0x53) isFatal ||= /^(FATAL|PANIC)$/.test(text(bytes, at + 1, end));
  }
  return { code: /^[0-9A-Z]{5}$/.test(code) ? code : UNKNOWN_ERROR, isFatal };
}
