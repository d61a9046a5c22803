import { expect, test } from 'vitest';
import { edge, map, node } from './fixture.ts';
import { type Box, overlap } from './geometry.ts';
import { buildGraph } from './model.ts';
import { extendPlaces } from './seed.ts';

const at = (x: number, y: number): Box => ({ x, y, width: 124, height: 56 });
const known = new Map([
  ['a', at(0, 0)],
  ['b', at(300, 0)],
  ['c', at(300, 76)],
]);

test('what is new moves nothing, lies on nothing and stands by its group', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e'].map((it) => node(it));
  const places = extendPlaces(buildGraph(map(nodes, [edge('a', 'd'), edge('e', 'b')])), known);
  for (const [id, box] of known) expect(places.get(id)).toMatchObject({ x: box.x, y: box.y });
  const boxes = [...places.values()];
  expect(boxes).toHaveLength(5);
  for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) expect(overlap(a, b)).toBe(false);
});

test('a card that grows moves only what it would lie on', () => {
  const edges = [80, 81, 82].map((port) => edge('a', 'b', { port }));
  const places = extendPlaces(buildGraph(map([node('a'), node('b'), node('c')], edges)), known);
  expect(places.get('b')).toMatchObject({ x: 300, y: 0, height: 96 });
  expect(places.get('c')).toMatchObject({ x: 300, y: 112 });
  expect(places.get('a')).toMatchObject({ x: 0, y: 0 });
});

test('what is gone leaves no box, and finds its place again', () => {
  const gone = extendPlaces(buildGraph(map([node('a')], [])), known);
  expect([...gone.keys()]).toEqual(['a']);
  expect(extendPlaces(buildGraph(map([node('a'), node('b')], [])), known).get('b')).toEqual(at(300, 0));
});
