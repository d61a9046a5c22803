import { describe, expect, test } from 'vitest';
import { type CountedMap, type FillChange, MapFills } from './map-fill.ts';

/** A map that holds what `parts` adds up to. */
function map(name: string, parts: () => number[]): CountedMap {
  return { name, maxEntries: 100, parts };
}

/** All of one round that begins at `now`. */
function round(fills: MapFills, now: number, steps = 20): FillChange[] {
  return Array.from({ length: steps }, () => fills.step(now)).filter((it) => it !== undefined);
}

describe('a warning', () => {
  test('comes at 80 %, once, and again only after 70 % was passed downwards', () => {
    let entries = 79;
    const fills = new MapFills([map('policy', () => [entries])]);
    const seen: [number, boolean[], number][] = [];
    for (const [i, count] of [79, 80, 99, 79, 70, 80, 69, 79, 80].entries()) {
      entries = count;
      const changes = round(fills, i * 30_000).map((it) => it.isWarning);
      seen.push([count, changes, fills.all[0]?.warnings ?? 0]);
    }
    expect(seen).toEqual([
      [79, [], 0],
      [80, [true], 1],
      [99, [], 1],
      [79, [], 1],
      [70, [], 1],
      [80, [], 1],
      [69, [false], 1],
      [79, [], 1],
      [80, [true], 2],
    ]);
  });

  test('says which map, how full, and what follows', () => {
    const fills = new MapFills([map('edges', () => [80, 4]), map('services', () => [100])]);
    expect(round(fills, 0).map((it) => it.words)).toEqual([
      'map edges is 84 % full (84 of 100 entries); when it is full, further edges are counted together; find who calls so many addresses or ports',
      'map services is 100 % full (100 of 100 entries); when it is full, nothing can be added: what is new is not forwarded, what is there stays; remove what is not used',
    ]);
  });

  test('is taken back in words', () => {
    let entries = 90;
    const fills = new MapFills([map('edges', () => [entries])]);
    round(fills, 0);
    entries = 12;
    expect(round(fills, 30_000)).toEqual([
      { isWarning: false, words: 'map edges has room again: 12 % full (12 of 100 entries)' },
    ]);
  });
});

test('a step looks at one part only, and a round begins every 30 s', () => {
  let looked = 0;
  const parts = function* (): Generator<number> {
    for (const part of [10, 20, 30]) {
      looked++;
      yield part;
    }
  };
  const fills = new MapFills([{ name: 'backends', maxEntries: 100, parts }]);
  const perStep = Array.from({ length: 8 }, () => {
    const before = looked;
    fills.step(0);
    return looked - before;
  });
  expect(perStep).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
  expect(fills.all).toEqual([{ name: 'backends', entries: 60, maxEntries: 100, warnings: 0 }]);
  expect(round(fills, 29_999)).toEqual([]);
  expect(looked).toBe(3);
  round(fills, 30_000);
  expect(looked).toBe(6);
});

test('a map that cannot be read keeps its last figure, and the next round reads it', () => {
  let broken = false;
  const fills = new MapFills([
    map('edges', () => {
      if (broken) throw new Error('no');
      return [5];
    }),
    map('policy', () => [7]),
  ]);
  round(fills, 0);
  broken = true;
  expect(() => fills.step(30_000)).toThrow('no');
  expect(fills.step(30_001)).toBeUndefined();
  expect(fills.all.map((it) => it.entries)).toEqual([5, 7]);
  broken = false;
  round(fills, 60_000);
  expect(fills.all.map((it) => it.entries)).toEqual([5, 7]);
});
