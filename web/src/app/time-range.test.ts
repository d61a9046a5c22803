import { describe, expect, test } from 'vitest';
import { moved, part, sinceNow, zoomed } from './time-range.ts';

const NOW = Date.UTC(2026, 2, 4, 12);
const HOUR = 3_600_000;
const hour = { since: NOW - HOUR, until: NOW };

test('a range up to now ends with a whole second', () => {
  expect(sinceNow(3600, NOW + 345)).toEqual(hour);
});

describe('a part of a range', () => {
  test('is chosen from left to right or from right to left, in whole seconds', () => {
    const chosen = { since: NOW - HOUR * 0.75, until: NOW - HOUR * 0.5 };
    expect(part(hour, 0.25, 0.5)).toEqual(chosen);
    expect(part(hour, 0.5, 0.25)).toEqual(chosen);
    expect(part({ since: 0, until: 10_000 }, 0.11, 0.39)).toEqual({ since: 1000, until: 4000 });
  });

  test('ends with the range it is part of', () => {
    expect(part(hour, -1, 2)).toEqual(hour);
  });

  test('is none if nothing was meant', () => {
    expect(part(hour, 0.5, 0.5)).toBeNull();
  });
});

test('moving goes by half, and stops at now', () => {
  expect(moved(hour, -1, NOW)).toEqual({ since: NOW - 1.5 * HOUR, until: NOW - 0.5 * HOUR });
  expect(moved({ since: NOW - 1.25 * HOUR, until: NOW - 0.25 * HOUR }, 1, NOW)).toEqual(hour);
});

describe('zooming', () => {
  test('keeps the place under the pointer', () => {
    expect(zoomed(hour, 0.5, 'in', NOW)).toEqual({ since: NOW - 0.75 * HOUR, until: NOW - 0.25 * HOUR });
    expect(zoomed(hour, 1, 'out', NOW)).toEqual({ since: NOW - 2 * HOUR, until: NOW });
  });

  test('never goes beyond now, and never to nothing', () => {
    expect(zoomed(hour, 0, 'out', NOW).until).toBe(NOW);
    let range = hour;
    for (let i = 0; i < 40; i++) range = zoomed(range, 1, 'in', NOW);
    expect(range).toEqual({ since: NOW - 2000, until: NOW });
  });
});
