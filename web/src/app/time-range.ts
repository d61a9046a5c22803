/** Ranges of time that are over: how they are chosen, moved and made narrower or wider. Unix ms. */
import type { Past } from '../live/past.ts';

/** Beyond what the live stream looks back. */
export const LONG_RANGES = [
  { seconds: 3600, text: '1 h' },
  { seconds: 6 * 3600, text: '6 h' },
  { seconds: 24 * 3600, text: '24 h' },
  { seconds: 7 * 24 * 3600, text: '7 d' },
] as const;

/** The API counts in whole seconds; a range is at least this long. */
const LEAST_MS = 2000;
const LONGEST_MS = 31 * 24 * 3600 * 1000;

export function sinceNow(seconds: number, now: number): Past {
  const until = Math.floor(now / 1000) * 1000;
  return { since: until - seconds * 1000, until };
}

/** From one place of a range to another, both 0 to 1, in whatever order; null if that is too short to be meant. */
export function part(of: Past, from: number, to: number): Past | null {
  const span = of.until - of.since;
  const at = (share: number): number => of.since + Math.min(1, Math.max(0, share)) * span;
  const since = Math.floor(at(Math.min(from, to)) / 1000) * 1000;
  const until = Math.ceil(at(Math.max(from, to)) / 1000) * 1000;
  return until - since < LEAST_MS ? null : { since, until };
}

/** By half of its length, earlier (-1) or later (1); never beyond now. */
export function moved(range: Past, direction: 1 | -1, now: number): Past {
  const by = Math.round((range.until - range.since) / 2000) * 1000 * direction;
  const late = Math.min(0, Math.floor(now / 1000) * 1000 - (range.until + by));
  return { since: range.since + by + late, until: range.until + by + late };
}

/** Around the place `at` (0 to 1), twice as long or half as long; never beyond now. */
export function zoomed(range: Past, at: number, direction: 'in' | 'out', now: number): Past {
  const span = range.until - range.since;
  const next = Math.min(LONGEST_MS, Math.max(LEAST_MS, direction === 'in' ? span / 2 : span * 2));
  const since = Math.floor((range.since + at * (span - next)) / 1000) * 1000;
  const until = Math.min(Math.ceil((since + next) / 1000) * 1000, Math.floor(now / 1000) * 1000);
  return { since: Math.min(since, until - LEAST_MS), until };
}
