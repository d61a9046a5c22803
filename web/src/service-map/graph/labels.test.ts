import { expect, test } from 'vitest';
import { dropped, edge, map, node } from './fixture.ts';
import { around, type Box, overlap, sample, straight } from './geometry.ts';
import { placeLabels, type Words } from './labels.ts';
import { buildGraph } from './model.ts';
import type { Route } from './route.ts';

const { lines } = buildGraph(
  map(
    [node('a'), node('b')],
    [1, 2, 3].map((i) => edge('a', 'b', { ...dropped(), id: `d${i}`, drop_rate: i })),
  ),
);
const curve = straight({ x: 0, y: 0 }, { x: 400, y: 0 });
const points = sample(curve);
const bounds = around(points.map(({ x, y }) => ({ x, y, width: 0, height: 0 }))) as Box;
const routes: Route[] = lines.map((line) => ({ line, curve, points, bounds }));
const card = { x: 180, y: -20, width: 40, height: 40 };
const uncrossed = (): boolean => false;

test('labels touch neither cards nor each other; the worst get a place first', () => {
  const labels = placeLabels(routes, [card], uncrossed, 1, (it) => ({
    tone: 'dropped',
    texts: [`dropped ${it.line.rate}/s`],
  }));
  expect(labels.map((it) => it.text)).toEqual(['dropped 3/s', 'dropped 2/s', 'dropped 1/s']);
  expect(labels[0]?.isOnLine).toBe(true);
  const boxes = labels.map(({ at, text }) => {
    return { x: at.x - text.length * 3, y: at.y - 7, width: text.length * 6, height: 14 };
  });
  for (const [i, a] of boxes.entries()) {
    for (const b of [card, ...boxes.slice(i + 1)]) expect(overlap(a, b)).toBe(false);
  }
});

test('a line without room for its words has fewer, then none', () => {
  const words = (): Words => ({ tone: 'dropped', texts: ['dropped a great deal of packets', '2/s'] });
  const fence = { x: 0, y: -200, width: 150, height: 400 };
  const other = { ...fence, x: 225, width: 175 };
  expect(placeLabels(routes.slice(0, 1), [fence, other], uncrossed, 1, words)[0]?.text).toBe('2/s');
  const wall = { x: -100, y: -100, width: 600, height: 200 };
  expect(placeLabels(routes, [wall], uncrossed, 1, words)).toEqual([]);
});

test('words of a failing line stand beside it: its strokes are on it', () => {
  const failing = (): Words => ({ tone: 'failing', texts: ['6.1 % errors'] });
  const [label] = placeLabels(routes.slice(0, 1), [], uncrossed, 1, failing);
  expect(label).toMatchObject({ tone: 'failing', isOnLine: false });
});

test('what nobody has words for gets none, and the worst choose first', () => {
  const words = ({ line }: Route): Words | null =>
    line.id === 'd1!' ? null : { tone: line.id === 'd2!' ? 'failing' : 'unanswered', texts: [line.id] };
  expect(placeLabels(routes, [], uncrossed, 1, words).map((it) => it.text)).toEqual(['d3!', 'd2!']);
});

test('long words keep off what is far from their line', () => {
  const [route] = routes;
  if (route === undefined) throw new Error('no route');
  const rise = sample(straight({ x: 0, y: 0 }, { x: 2, y: 40 }));
  const steep = { ...route, points: rise, bounds: { x: 0, y: 0, width: 2, height: 40 } };
  const text = 'http 3.7/s, 1.4 % errors, p95 126 ms';
  const far = { x: 130, y: -60, width: 40, height: 160 };
  const place = (taken: Box[]): (string | undefined)[] =>
    placeLabels([steep], taken, uncrossed, 1, () => ({ tone: 'plain', texts: [text, '3.7/s'] })).map((it) => it.text);
  expect(place([far])).toEqual([text]);
  expect(place([far, { ...far, x: -130 }])).toEqual(['3.7/s']);
});
