import { expect, it } from 'vitest';
import { HISTORY_S, WindowRing } from './window-ring.ts';

const NOW = 1_000_000;
type Bag = Map<string, number>;

/** Sums of bags, as heavy as they have things. */
function ringOf(maxWeight: number): WindowRing<string, Bag> {
  const add = (to: Bag, by: Bag): void => {
    for (const [key, count] of by) to.set(key, (to.get(key) ?? 0) + count);
  };
  return new WindowRing<string, Bag>({ zero: () => new Map(), add, weight: (bag) => bag.size }, maxWeight);
}

it('gives up its oldest when what it holds becomes too heavy, and says so', () => {
  const ring = ringOf(100);
  for (let second = NOW; second < NOW + 200; second++) ring.add(second, [['a', new Map([[String(second), 1]])]], true);
  const { rows, exact } = ring.window(NOW, NOW + 200, NOW + 200);
  const kept = rows.get('a')?.size ?? 0;
  expect(kept).toBeGreaterThan(50);
  expect(kept).toBeLessThanOrEqual(100);
  expect(exact).toBe(false);
});

it('does not count the weight of what it merges twice', () => {
  const ring = ringOf(100);
  // The same three things each second: three to the bucket, however often they are added.
  for (let second = NOW; second < NOW + HISTORY_S; second++) {
    ring.add(second, [['a', new Map([['x', 1]])]], true);
    ring.add(second, [['a', new Map([['x', 1]])]], true);
  }
  const { rows } = ring.window(NOW + 600, NOW + HISTORY_S, NOW + HISTORY_S);
  expect(rows.get('a')?.get('x')).toBe(600);
});
