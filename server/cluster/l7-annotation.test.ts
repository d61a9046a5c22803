import { expect, test } from 'vitest';
import { L7_MODE } from '../wire/lists.gen.ts';
import { l7Mode } from './l7-annotation.ts';

test.each([
  [{}, L7_MODE.METADATA],
  [{ 'spyglass.io/l7': 'off' }, L7_MODE.OFF],
  [{ 'spyglass.io/l7': 'metadata' }, L7_MODE.METADATA],
  [{ 'spyglass.io/l7': 'full', other: 'off' }, L7_MODE.FULL],
])('%j', (annotations, mode) => {
  expect(l7Mode(annotations)).toEqual({ mode, problem: null });
});

test.each(['', 'Off', 'on', 'constructor', 'full '])('%j counts as the default, and is told', (value) => {
  const { mode, problem } = l7Mode({ 'spyglass.io/l7': value });
  expect(mode).toBe(L7_MODE.METADATA);
  expect(problem).toContain(`spyglass.io/l7 is ${JSON.stringify(value)}`);
});

test('a long value is cut where it is told', () => {
  expect(l7Mode({ 'spyglass.io/l7': 'x'.repeat(10_000) }).problem?.length).toBeLessThan(200);
});
