import { expect, test } from 'vitest';
import type { Box } from './graph/geometry.ts';
import { neighbourOf } from './neighbour.ts';

const at = (x: number, y: number): Box => ({ x, y, width: 124, height: 56 });
const places = new Map([
  ['a', at(0, 0)],
  ['b', at(200, 10)],
  ['c', at(0, 100)],
  ['d', at(400, 0)],
]);

test.each([
  ['a', 'ArrowRight', 'b'],
  ['b', 'ArrowRight', 'd'],
  ['d', 'ArrowLeft', 'b'],
  ['a', 'ArrowDown', 'c'],
  ['a', 'ArrowUp', null],
  ['a', 'Enter', null],
  ['nobody', 'ArrowDown', null],
])('from %s with %s to %s', (from, key, to) => {
  expect(neighbourOf(from, key, places)).toBe(to);
});
