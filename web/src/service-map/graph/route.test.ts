import { describe, expect, test } from 'vitest';
import { dropped, edge, map, node } from './fixture.ts';
import { type Box, overlap } from './geometry.ts';
import { HitGrid } from './hit.ts';
import { buildGraph, type Graph } from './model.ts';
import { type Route, routesOf, type Shape, shapesOf } from './route.ts';

const at = (x: number, y: number): Box => ({ x, y, width: 124, height: 56 });

function graphOf(ids: string[], edges: ReturnType<typeof edge>[]): Graph {
  return buildGraph(
    map(
      ids.map((it) => node(it)),
      edges,
    ),
  );
}

describe('ways', () => {
  const places = new Map([
    ['a', at(0, 0)],
    ['b', at(200, 0)],
    ['c', at(400, 0)],
  ]);

  // Each also backwards: a line to the left has to go around its own card.
  test.each([
    ['a', 'c'],
    ['c', 'a'],
  ])('from %s to %s runs behind no card', (from, to) => {
    const [shape] = shapesOf(graphOf(['a', 'b', 'c'], [edge(from, to)]), places, new Map()).values();
    expect(shape?.points.at(-1)).toEqual({ x: (places.get(to)?.x ?? 0) - 10, y: 40 });
    for (const { x, y } of shape?.points.slice(1, -1) ?? []) {
      for (const card of places.values()) expect(overlap(card, { x, y, width: 0.1, height: 0.1 })).toBe(false);
    }
  });

  test('lines to one port share a lane', () => {
    const wide = new Map([...places, ['d', at(0, 90)], ['e', at(200, 90)]]);
    const graph = graphOf(['a', 'b', 'c', 'd', 'e'], [edge('a', 'c'), edge('d', 'c')]);
    const shapes = [...shapesOf(graph, wide, new Map()).values()];
    const [first, second] = shapes.map(({ points }) => points.find((it) => it.x > 200)?.y);
    expect(first).toBe(second);
  });

  test('lines leave a card apart, in the order of where they go', () => {
    const fan = new Map([
      ['a', at(0, 100)],
      ['b', at(200, 200)],
      ['c', at(200, 0)],
      ['d', at(200, 100)],
    ]);
    const graph = graphOf(['a', 'b', 'c', 'd'], [edge('a', 'b'), edge('a', 'c'), edge('a', 'd')]);
    const shapes = shapesOf(graph, fan, new Map());
    const [up = 0, level, down = 0] = ['c', 'd', 'b'].map((to) => shapes.get(`a>${to}:TCP/80`)?.points[0]?.y);
    // The straight one leaves level with its port.
    expect(level).toBe(140);
    expect(up).toBeLessThan(140);
    expect(down).toBeGreaterThan(140);
  });
});

describe('drops', () => {
  const places = new Map([
    ['a', at(0, 0)],
    ['b', at(200, 0)],
  ]);
  const shapeOf = (reason: string): Shape | undefined =>
    shapesOf(graphOf(['a', 'b'], [edge('a', 'b', dropped(reason))]), places, new Map()).get('a>b:TCP/80!');

  test('what was stopped at its target ends below the port', () => {
    expect(shapeOf('POLICY_DENIED')?.points.at(-1)?.y).toBe(51);
  });

  test('what was stopped at its source goes straight to its bar', () => {
    const points = shapeOf('FIB_LOOKUP_FAILED')?.points ?? [];
    const before = points.filter((it) => it.x <= 124 + 20);
    expect(before.length).toBeGreaterThan(3);
    for (const { y } of before) expect(y).toBeCloseTo(points[0]?.y ?? 0);
  });

  test('a fold hides edges, never drops; what is hidden is not hit', () => {
    const graph = graphOf(['a', 'b'], [edge('a', 'b'), edge('a', 'b', { ...dropped(), id: 'x' })]);
    const shapes = shapesOf(graph, places, new Map());
    const [all, few] = [routesOf(graph, shapes, new Set()), routesOf(graph, shapes, new Set(['b']))];
    expect(few.map((it) => it.line.end)).toEqual(['dropped']);
    const hits = new HitGrid(shapes);
    const point = shapes.get('a>b:TCP/80')?.points[6] ?? { x: 0, y: 0 };
    const drawn = (of: Route[]): Map<string, Route> => new Map(of.map((it) => [it.line.id, it]));
    expect(hits.at(point, 4, drawn(all))?.line.end).toBe('forwarded');
    expect(hits.at({ x: 160, y: 300 }, 4, drawn(all))).toBeNull();
    expect(hits.at(point, 4, drawn(few))?.line.end).not.toBe('forwarded');
  });
});
