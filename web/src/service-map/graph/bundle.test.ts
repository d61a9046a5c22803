import { expect, test } from 'vitest';
import { bundlesOf } from './bundle.ts';
import { dropped, edge, map, node } from './fixture.ts';
import { groupBoxes } from './groups.ts';
import { buildGraph } from './model.ts';
import { routesOf, shapesOf } from './route.ts';

test('lines between two groups are one bundle with the sum of their rates; drops stay out of it', () => {
  const nodes = [node('a', 'left'), node('b', 'left'), node('c', 'right')];
  const refused = edge('b', 'c', { ...dropped(), id: 'x' });
  const graph = buildGraph(map(nodes, [edge('a', 'c'), edge('b', 'c'), edge('a', 'b'), refused]));
  const places = new Map(nodes.map(({ id }, i) => [id, { x: i * 300, y: 0, width: 124, height: 56 }]));
  const groups = groupBoxes(graph, places);
  const bundles = bundlesOf(graph, routesOf(graph, shapesOf(graph, places, groups), new Set()), groups);
  expect(bundles.map(({ rate, lines }) => ({ rate, lines: [...lines].toSorted() }))).toEqual([
    { rate: 20, lines: ['a>c:TCP/80', 'b>c:TCP/80'] },
  ]);
  expect(bundles[0]?.curve[0]?.x).toBe(300 + 124 + 16);
});
