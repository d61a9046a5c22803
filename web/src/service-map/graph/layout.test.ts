import ELK from 'elkjs/lib/elk.bundled.js';
import { describe, expect, test } from 'vitest';
import { dropped, edge, map, node } from './fixture.ts';
import { overlap } from './geometry.ts';
import { groupBoxes, type Places } from './groups.ts';
import { elkGraph, readLayout } from './layout.ts';
import { buildGraph, type Graph } from './model.ts';
import { quickLayout } from './quick-layout.ts';

const shop = (): Graph =>
  buildGraph(
    map(
      [
        node('load', 'clients'),
        ...['web', 'api', 'cache'].map((it) => node(it)),
        node('dns', 'kube-system'),
        node('host', '', 'Host'),
        node('pay', '', 'World'),
        node('silent', '', 'World'),
      ],
      [
        edge('load', 'web'),
        edge('web', 'api'),
        edge('api', 'cache'),
        edge('api', 'pay'),
        edge('load', 'dns'),
        edge('host', 'api'),
        edge('load', 'silent', dropped('FIB_LOOKUP_FAILED')),
      ],
    ),
  );

async function laidOut(graph: Graph): Promise<Places> {
  return readLayout(graph, await new ELK().layout(elkGraph(graph)));
}

function expectNoOverlap(places: Places): void {
  const boxes = [...places.values()];
  for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) expect(overlap(a, b)).toBe(false);
}

describe('layered', () => {
  test('callers stand left of what they call, and nothing lies on anything', async () => {
    const places = await laidOut(shop());
    expect(places.size).toBe(8);
    const x = (id: string): number => places.get(id)?.x ?? Number.NaN;
    for (const call of ['load web', 'web api', 'api cache', 'api pay', 'load silent']) {
      const [caller = '', called = ''] = call.split(' ');
      expect(x(caller), call).toBeLessThan(x(called));
    }
    expectNoOverlap(places);
  });

  test('kube-system, the host and the world nobody reached stand below all others', async () => {
    const places = await laidOut(shop());
    const bottom = Math.max(...['load', 'web', 'api', 'cache', 'pay'].map((id) => (places.get(id)?.y ?? 0) + 56));
    for (const id of ['dns', 'host', 'silent']) expect(places.get(id)?.y).toBeGreaterThan(bottom);
  });

  test('groups enclose their own cards and no others', async () => {
    const graph = shop();
    const places = await laidOut(graph);
    for (const [name, box] of groupBoxes(graph, places)) {
      for (const [id, card] of places) expect(overlap(box, card)).toBe(graph.nodes.get(id)?.group === name);
    }
  });

  test('a chain of calls is one straight line with equal gaps, a border of a group aside', async () => {
    const chain = map(
      [node('a'), node('b'), node('c'), node('d', 'other')],
      [edge('a', 'b'), edge('b', 'c'), edge('c', 'd')],
    );
    const places = await laidOut(buildGraph(chain));
    const boxes = ['a', 'b', 'c', 'd'].flatMap((id) => places.get(id) ?? []);
    expect(new Set(boxes.map((it) => it.y)).size).toBe(1);
    const gaps = boxes.slice(1).map((box, i) => box.x - ((boxes[i]?.x ?? 0) + (boxes[i]?.width ?? 0)));
    expect(gaps[0]).toBe(gaps[1]);
    expect(gaps[2]).toBeGreaterThan(gaps[1] ?? 0);
  });
});

test('the quick layout lays nothing on anything', () => {
  const ids = Array.from({ length: 300 }, (_, i) => i);
  const nodes = ids.map((i) => node(`n${i}`, `team-${i % 7}`));
  const edges = ids.slice(1).map((i) => edge(`n${i}`, `n${(i * 7) % 300}`));
  const graph = buildGraph(map(nodes, edges));
  const places = quickLayout(graph);
  expect(places.size).toBe(300);
  expectNoOverlap(places);
  const groups = [...groupBoxes(graph, places).values()];
  for (const [i, a] of groups.entries()) for (const b of groups.slice(i + 1)) expect(overlap(a, b)).toBe(false);
});
