/** Medians and spreads of what was measured in several rounds. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Median, smallest and largest of at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new Error('No values to take a median of.');
  return { median: (low + high) / 2, min, max };
}

/**
 * Ratio of two series measured in the same rounds: taken round by round, so that what disturbed a round
 * disturbed both sides of its ratio.
 */
export function ratio(values: readonly number[], base: readonly number[]): Spread {
  if (values.length !== base.length) throw new Error('Two series of a ratio have the same number of rounds.');
  return spread(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}
