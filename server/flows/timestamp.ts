/** Times as text: RFC 3339 in UTC out, RFC 3339 or "that long ago" in. Inside, Unix nanoseconds as bigint. */

const MS = 1_000_000n;

/** RFC 3339 with 0, 3, 6 or 9 fraction digits, the fewest that are exact (proto3 JSON). */
export function formatTime(unixNs: bigint): string {
  const ms = unixNs / MS;
  const text = new Date(Number(ms)).toISOString();
  const rest = Number(unixNs % MS);
  if (rest === 0) return ms % 1000n === 0n ? `${text.slice(0, 19)}Z` : text;
  const digits = String(rest).padStart(6, '0');
  return `${text.slice(0, 23)}${rest % 1000 === 0 ? digits.slice(0, 3) : digits}Z`;
}

/** Now, in Unix nanoseconds; the clock behind it counts milliseconds. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * MS;
}

const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;
const UNITS_NS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86_400e9 };

/**
 * Unix nanoseconds of `2026-03-04T10:15:30.5Z`, of a date `2026-03-04`, or of a duration before `now`
 * (`90s`, `1h30m`, `250ms`, `7d`). Null if it is none of these.
 */
export function parseTime(text: string, now: bigint): bigint | null {
  const ago = parseDuration(text);
  if (ago !== null) return now - ago;
  const match = RFC3339.exec(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (match === null) return null;
  const [, date, time, fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms) || ms < 0) return null;
  // Date.parse takes the 30th of February for a day in March.
  if (new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date) return null;
  return BigInt(ms) * MS + BigInt(fraction.padEnd(9, '0'));
}

/** Nanoseconds of a Go-like duration, null if it is none. */
export function parseDuration(text: string): bigint | null {
  if (text.length > 40 || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return null;
  let sum = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    sum += Number(amount) * (UNITS_NS[unit] ?? 0);
  }
  return Number.isSafeInteger(Math.round(sum)) ? BigInt(Math.round(sum)) : null;
}
