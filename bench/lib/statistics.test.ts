import { describe, expect, it } from 'vitest';
import { ratio, spread } from './statistics.ts';

describe('spread', () => {
  it('takes the middle of an odd and of an even number of values', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('refuses an empty series', () => {
    expect(() => spread([])).toThrow('No values');
  });
});

describe('ratio', () => {
  it('divides within each round', () => {
    expect(ratio([10, 200, 30], [10, 100, 20])).toEqual({ median: 1.5, min: 1, max: 2 });
  });

  it('refuses series of different length', () => {
    expect(() => ratio([1], [1, 2])).toThrow('same number of rounds');
  });
});
