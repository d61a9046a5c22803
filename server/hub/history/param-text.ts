/**
 * Values of query parameters as ClickHouse reads them (https://clickhouse.com/docs/interfaces/http#cli-queries-with-parameters):
 * a string by the rules of TabSeparated, strings within an array as literals.
 */
import type { ParamValue } from './sql-engine.ts';

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };

export function paramText(value: ParamValue): string {
  if (typeof value === 'string') return escape(value);
  if (typeof value === 'number' || typeof value === 'bigint') return numberText(value);
  const items = value.map((it) => (typeof it === 'string' ? `'${escape(it).replaceAll("'", "''")}'` : numberText(it)));
  return `[${items.join(',')}]`;
}

/** The string that `paramText` of a string came from. */
export function unescapeParam(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (_, letter: string) => UNESCAPES[letter] ?? letter);
}

const UNESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '0': '\0' };

const escape = (text: string): string => text.replaceAll(/[\\\t\n\r\0]/g, (it) => ESCAPES[it] ?? it);

function numberText(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${value} is no parameter`);
  return String(value);
}
