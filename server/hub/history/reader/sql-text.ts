/** Pieces of SQL with their values apart from the text: what a client says never becomes part of a statement. */

import type { ParamValue } from '../sql-engine.ts';

/** Collects the values of one statement. */
export class SqlValues {
  readonly values: Record<string, ParamValue> = {};
  #count = 0;

  /** The placeholder for a value: `{p3:UInt16}`. */
  bind(type: string, value: ParamValue): string {
    const name = `p${this.#count++}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}

export function all(parts: readonly string[]): string {
  return parts.length === 0 ? '1' : parts.map((part) => `(${part})`).join(' AND ');
}

export function any(parts: readonly string[]): string {
  return parts.length === 0 ? '0' : parts.map((part) => `(${part})`).join(' OR ');
}

/** Whole minutes, [since, until), Unix seconds. */
export interface Minutes {
  since: number;
  until: number;
}

/** The minutes that two times (Unix ns) lie in or between. */
export function wholeMinutes(since: bigint, until: bigint): Minutes {
  const minute = 60_000_000_000n;
  return { since: Number(since / minute) * 60, until: Number((until + minute - 1n) / minute) * 60 };
}

/** A condition on the column `minute`. */
export function within({ since, until }: Minutes, sql: SqlValues): string {
  return `minute >= toDateTime(${sql.bind('UInt32', since)}) AND minute < toDateTime(${sql.bind('UInt32', until)})`;
}
