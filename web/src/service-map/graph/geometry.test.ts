import { describe, expect, test } from 'vitest';
import { along, around, distanceTo, joined, sample, straight, turn, widthOf } from './geometry.ts';

test('width grows by 1.55 a decade and stays within its limits', () => {
  expect([widthOf(0), widthOf(1)]).toEqual([1.25, 1.25]);
  expect(widthOf(100)).toBeCloseTo(1.25 * 1.55 ** 2);
  expect(widthOf(1e12)).toBe(8);
});

describe('curves', () => {
  const [a, b, c] = [
    { x: 0, y: 0 },
    { x: 200, y: 80 },
    { x: 300, y: 80 },
  ];

  test('begin and end where they should, joined or not', () => {
    const points = sample(joined([turn(a, b), straight(b, c)]));
    expect(points[0]).toEqual(a);
    expect(points.at(-1)).toEqual(c);
    expect(distanceTo(points, b)).toBe(0);
    expect(distanceTo(points, { x: 250, y: 90 })).toBeCloseTo(10);
  });

  test('along goes by length', () => {
    const path = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 10, y: 30 },
    ];
    expect(along(path, 0.25)).toEqual({ x: 10, y: 0 });
    expect(along(path, 1)).toEqual({ x: 10, y: 30 });
  });
});

test('there is no box around nothing', () => {
  expect(around([])).toBeNull();
});
