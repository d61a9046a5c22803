/** Numbers as the page writes them: four digits at most, the unit after a no-break space, a dash for what is unknown. */

const NBSP = '\u00a0';
export const DASH = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `0`, `0.04`, `4.0`, `71`, `1,412`, `12.3k`, `4.1M`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return DASH;
  if (value === 0) return '0';
  if (value < 0.1) return value < 0.005 ? '< 0.01' : value.toFixed(2);
  if (value < 9.95) return value.toFixed(1);
  if (value < 9999.5) return whole.format(value);
  if (value < 99_950) return `${(value / 1000).toFixed(1)}k`;
  if (value < 999_500) return `${whole.format(value / 1000)}k`;
  return value < 99_950_000 ? `${(value / 1e6).toFixed(1)}M` : `${whole.format(value / 1e6)}M`;
}

/** All digits: `421,329`. */
export function exact(value: number): string {
  return whole.format(value);
}

/** `71/s`. */
export function rate(perSecond: number): string {
  return `${count(perSecond)}/s`;
}

/** `302 pkt/s`: beside rates of requests, those of packets say so. */
export function packetRate(perSecond: number): string {
  return `${count(perSecond)}${NBSP}pkt/s`;
}

/** A value and its unit apart, for large figures. */
export interface Figure {
  value: string;
  unit: string;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units: 1 kB is 1000 B. */
export function byteFigure(bytes: number): Figure {
  let at = 0;
  let value = bytes;
  while (value >= 999.5 && at < BYTE_UNITS.length - 1) {
    value /= 1000;
    at += 1;
  }
  const text = at === 0 ? count(Math.round(value)) : threeDigits(value);
  return { value: text, unit: BYTE_UNITS[at] ?? 'B' };
}

export function bytes(value: number): string {
  return join(byteFigure(value));
}

export function byteRate(perSecond: number): string {
  return `${bytes(perSecond)}/s`;
}

const DURATION_UNITS = [
  ['ns', 1],
  ['µs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
] as const;

/** Of nanoseconds: `31 µs`, `0.18 ms` is written `180 µs`. */
export function durationFigure(ns: number): Figure {
  let [unit, size]: readonly [string, number] = DURATION_UNITS[0];
  for (const [nextUnit, nextSize] of DURATION_UNITS) {
    if (ns >= nextSize * 0.9995) [unit, size] = [nextUnit, nextSize];
  }
  return { value: unit === 'ns' ? whole.format(ns) : threeDigits(ns / size), unit };
}

export function duration(ns: number): string {
  return join(durationFigure(ns));
}

/** `6.1 %`, `0 %`, of a share from 0 to 1. */
export function percent(share: number): string {
  const value = share * 100;
  const text = value === 0 ? '0' : value < 0.05 ? '< 0.1' : value < 9.95 ? value.toFixed(1) : whole.format(value);
  return `${text}${NBSP}%`;
}

/** `1 pod`, `2 pods`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${exact(value)} ${value === 1 ? one : many}`;
}

/** `1st`, `2nd`, `16th`. */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th');
  return `${value}${suffix}`;
}

function threeDigits(value: number): string {
  if (value < 9.95) return value.toFixed(1);
  return whole.format(value);
}

function join({ value, unit }: Figure): string {
  return `${value}${NBSP}${unit}`;
}
