import { expect, it } from 'vitest';
import { BoundedSamples, type Sample } from './bounded-samples.ts';
import { Durations, LabelCounts } from './label-counts.ts';
import { SeriesBudget } from './series-budget.ts';

it('counts by labels, and what is beyond the budget together', () => {
  const budget = new SeriesBudget(5);
  const counts = new LabelCounts(budget);
  const others = new LabelCounts(budget);
  for (const method of ['GET', 'POST', 'GET', 'X1', 'X2']) counts.at({ method }).n += 1;
  others.at({ code: '1' }).n += 1;
  expect([...counts].map(([labels, { n }]) => [labels['method'], n])).toEqual([
    ['GET', 2],
    ['POST', 1],
    ['other', 2],
  ]);
  expect([...others].map(([labels, { n }]) => [labels['code'], n])).toEqual([['other', 1]]);
  expect(budget).toMatchObject({ used: 4, folded: 3 });
});

it('has room again when pods are gone', () => {
  const budget = new SeriesBudget(4);
  const counts = new LabelCounts(budget);
  counts.at({ pod: 'a/x' }, ['a/x']).n += 1;
  counts.at({ pod: 'a/y' }, ['a/y']).n += 1;
  counts.at({ pod: 'a/z' }, ['a/z']).n += 1;
  counts.forget((pod) => pod === 'a/x');
  expect(budget.used).toBe(2);
  counts.at({ pod: 'a/z' }, ['a/z']).n += 1;
  expect([...counts].map(([labels, { n }]) => [labels['pod'], n])).toEqual([
    ['a/y', 1],
    ['a/z', 1],
    ['other', 1],
  ]);
});

it('tells labels apart whose values together read the same', () => {
  const counts = new LabelCounts(new SeriesBudget(19));
  counts.at({ a: 'x', b: 'yz' });
  counts.at({ a: 'xy', b: 'z' });
  expect([...counts]).toHaveLength(2);
});

it('puts values into the first bucket that holds them', () => {
  const durations = new Durations([0.1, 1]);
  for (const seconds of [0.1, 0.11, 1, 7]) durations.add(seconds, 1);
  expect(durations.counts).toEqual([1, 2, 1]);
});

it('keeps what is read within the budget, and lets no counter go backwards', () => {
  const bounded = new BoundedSamples(new SeriesBudget(3), 'counter', ['node']);
  const read = (values: Record<string, number>): Record<string, number> => {
    const samples = Object.entries(values).map(([node, value]): Sample => [{ node }, value]);
    return Object.fromEntries([...bounded.read(samples)].map(([labels, value]) => [labels['node'], value]));
  };
  expect(read({ a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
  expect(read({ a: 1, b: 2, c: 10, d: 20 })).toEqual({ a: 1, b: 2, other: 30 });
  expect(read({ a: 1, b: 3, c: 11 })).toEqual({ a: 1, b: 3, other: 31 });
  // There is room for e now. What was in `other` stays there.
  expect(read({ b: 3, c: 12, e: 5 })).toEqual({ b: 3, e: 5, other: 32 });
});
