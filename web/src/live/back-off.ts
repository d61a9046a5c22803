/** How long to wait before the next attempt to reach the hub. */

const FIRST_MS = 500;
const LONGEST_MS = 10_000;
const GROWTH = 1.8;

/** `attempt` counts from 0; `random` in [0, 1) spreads the pages of many users over half the time. */
export function backOff(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * GROWTH ** attempt);
  return Math.round(full * (0.75 + random / 4));
}
