/** Times in the reader's zone. */

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minuteFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** `14:32:07`, of Unix ms. */
export function clock(ms: number): string {
  return clockFormat.format(ms);
}

/** `14:32`, of Unix ms. */
export function minute(ms: number): string {
  return minuteFormat.format(ms);
}

/** `12 Nov`, of Unix ms. */
export function day(ms: number): string {
  return dayFormat.format(ms);
}

/** `14:32:07.391`, of an RFC 3339 time. */
export function clockMs(time: string): string {
  return `${clockOf(time)}.${fraction(time).slice(0, 3)}`;
}

/** `14:32:07.391 204`, of an RFC 3339 time; the digits after ms stand apart. */
export function clockUs(time: string): string {
  const digits = fraction(time);
  return `${clockOf(time)}.${digits.slice(0, 3)}\u202f${digits.slice(3, 6)}`;
}

/** Unix nanoseconds of an RFC 3339 time in UTC. */
export function nanoseconds(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(fraction(time));
}

/** RFC 3339 of Unix nanoseconds. */
export function timeOf(ns: bigint): string {
  const second = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${second}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

// Formatting by Intl costs some µs, and hundreds of flows share a second.
let lastSecond = '';
let lastClock = '';

export function clockOf(time: string): string {
  const second = time.slice(0, 19);
  if (second !== lastSecond) {
    const ms = Date.parse(time);
    lastClock = Number.isNaN(ms) ? '–' : clock(ms);
    lastSecond = second;
  }
  return lastClock;
}

function fraction(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? '').slice(0, 9).padEnd(9, '0');
}
