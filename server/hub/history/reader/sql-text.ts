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
