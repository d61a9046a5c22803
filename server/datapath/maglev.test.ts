import { describe, expect, test } from 'vitest';
import { maglevTable, tableSize } from './maglev.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.42.${i >> 8}.${i & 255}:8080`);

test('table sizes are primes that grow with the backends; one backend needs no table', () => {
  expect([0, 1, 2, 4, 5, 40, 41, 1000].map(tableSize)).toEqual([0, 1, 251, 251, 2039, 2039, 16_381, 16_381]);
  for (const size of [251, 2039, 16_381]) {
    for (let divisor = 2; divisor * divisor <= size; divisor++) expect(size % divisor).not.toBe(0);
  }
});

describe.each([2, 3, 4, 5, 10, 40, 41, 250])('with %i backends', (count) => {
  const table = maglevTable(names(count), tableSize(count));

  test('every slot has a backend and the shares are nearly equal', () => {
    const share = new Map<number, number>();
    for (const backend of table) share.set(backend, (share.get(backend) ?? 0) + 1);
    const sizes = [...share.values()];
    expect(share.size).toBe(count);
    // They take turns, so that nobody is more than a slot ahead.
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  test('the same names give the same table', () => {
    expect(maglevTable(names(count), tableSize(count))).toEqual(table);
  });
});

test('names that differ in one digit have different permutations', () => {
  const [a, b] = [maglevTable(['10.0.0.1:80', 'x'], 251), maglevTable(['10.0.0.2:80', 'x'], 251)];
  expect(a).not.toEqual(b);
});
