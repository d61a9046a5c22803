import { expect, it } from 'vitest';
import { Durations, LabelCounts } from './label-counts.ts';

it('counts by labels, and what is beyond the bound together', () => {
  const counts = new LabelCounts(2);
  for (const method of ['GET', 'POST', 'GET', 'X1', 'X2']) counts.add({ method });
  expect([...counts].map(([labels, { n }]) => [labels['method'], n])).toEqual([
    ['GET', 2],
    ['POST', 1],
    ['other', 2],
  ]);
});

it('tells labels apart whose values together read the same', () => {
  const counts = new LabelCounts(9);
  counts.add({ a: 'x', b: 'yz' });
  counts.add({ a: 'xy', b: 'z' });
  expect([...counts]).toHaveLength(2);
});

it('puts values into the first bucket that holds them', () => {
  const durations = new Durations([0.1, 1]);
  for (const seconds of [0.1, 0.11, 1, 7]) durations.add(seconds, 1);
  expect(durations.counts).toEqual([1, 2, 1]);
});
