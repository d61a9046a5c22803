import { describe, expect, test } from 'vitest';
import type { MapEdge, MapNode, ServiceMap } from '../../../../server/wire/service-map.ts';
import { along, distanceTo, overlap, sample, sideToSide, widthOf } from './geometry.ts';
import { placeLabels } from './labels.ts';
import { elkGraph, extendLayout, groupBoxes, type Layout, readLayout } from './layout.ts';
import { buildGraph, dropPlace, linesOf } from './model.ts';
import { routesOf } from './route.ts';
import { sizeOf } from './size.ts';

const node = (id: string, namespace = 'shop', kind: MapNode['kind'] = 'Deployment'): MapNode => ({
  id,
  kind,
  namespace,
  name: id,
  pods: 1,
  addresses: [],
});

const edge = (source: string, target: string, change: Partial<MapEdge> = {}): MapEdge => ({
  id: `${source}>${target}:TCP/80`,
  source,
  target,
  protocol: 'TCP',
  port: 80,
  service: null,
  verdicts: { FORWARDED: 10 },
  drop_reasons: {},
  packets: 10,
  bytes: 1000,
  reply_packets: 8,
  reply_bytes: 800,
  connections: 2,
  answered: 2,
  connection_rate: 1,
  packet_rate: 10,
  byte_rate: 1000,
  drop_rate: 0,
  rtt: null,
  l7: null,
  ...change,
});

const map = (nodes: MapNode[], edges: MapEdge[]): ServiceMap => ({
  window: { since: '', until: '', exact: true },
  group: 'workload',
  nodes,
  edges,
});

const dropped = { verdicts: { DROPPED: 5 }, packets: 0, reply_packets: 0, connections: 0, answered: 0, drop_rate: 2 };

describe('model', () => {
  test('an edge that passed and was dropped is two lines', () => {
    const both = edge('a', 'b', { verdicts: { FORWARDED: 10, DROPPED: 3 }, drop_rate: 1 });
    expect(linesOf(both).map((it) => it.end)).toEqual(['forwarded', 'dropped']);
  });

  test('connections without any answer end in a ring', () => {
    const [line] = linesOf(edge('a', 'b', { answered: 0, reply_packets: 0 }));
    expect(line?.end).toBe('unanswered');
  });

  test('only policy stops a packet at its target', () => {
    expect(dropPlace({ POLICY_DENIED: 3, FIB_LOOKUP_FAILED: 1 })).toBe('target');
    expect(dropPlace({ SERVICE_BACKEND_NOT_FOUND: 3 })).toBe('source');
  });

  test('what a card shows: port rows by rate, drops are no arrivals', () => {
    const graph = buildGraph(
      map([node('a'), node('b')], [edge('a', 'b'), edge('a', 'b', { ...dropped, id: 'x', port: 81 })]),
    );
    expect(graph.nodes.get('b')?.ports.map((it) => [it.key, it.rate])).toEqual([
      ['TCP/80', 10],
      ['TCP/81', 0],
    ]);
    expect(graph.nodes.get('a')?.out).toBe(12);
  });

  test('rates of a group count what crosses its border', () => {
    const graph = buildGraph(
      map([node('a'), node('b'), node('c', 'other')], [edge('a', 'b'), edge('c', 'a'), edge('b', 'c', dropped)]),
    );
    expect(graph.groups.get('shop')).toMatchObject({ in: 10, out: 0, dropped: 2 });
    expect(graph.groups.get('other')).toMatchObject({ in: 0, out: 10, dropped: 2 });
  });

  test('an edge to a node that is not in the map is left out', () => {
    expect(buildGraph(map([node('a')], [edge('a', 'nowhere')])).lines).toEqual([]);
  });
});

describe('geometry', () => {
  test('width grows by 1.55 a decade and stays within its limits', () => {
    expect([widthOf(0), widthOf(1)]).toEqual([1.25, 1.25]);
    expect(widthOf(100)).toBeCloseTo(1.25 * 1.55 ** 2);
    expect(widthOf(1e12)).toBe(8);
  });

  // Each case also reversed: a curve knows no forward.
  test.each([
    [
      { x: 0, y: 0 },
      { x: 200, y: 80 },
    ],
    [
      { x: 200, y: 80 },
      { x: 0, y: 0 },
    ],
  ])('a curve begins and ends where it should: %o %o', (from, to) => {
    const points = sample(sideToSide(from, to));
    expect(points[0]).toEqual(from);
    expect(points.at(-1)).toEqual(to);
    expect(distanceTo(points, from)).toBe(0);
    expect(distanceTo(points, { x: 100, y: 400 })).toBeGreaterThan(250);
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

describe('layout', () => {
  const graph = buildGraph(
    map(
      [node('a', 'clients'), node('b'), node('dns', 'kube-system'), node('host', '', 'Host')],
      [edge('a', 'b'), edge('a', 'dns'), edge('host', 'b')],
    ),
  );
  const laid = (): Layout => ({
    boxes: new Map([
      ['a', { x: 0, y: 0, ...sizeOf(graph.nodes.get('a') as never) }],
      ['b', { x: 300, y: 0, ...sizeOf(graph.nodes.get('b') as never) }],
    ]),
    routes: new Map(),
  });

  test('elk is not asked about what stands below', () => {
    const asked = elkGraph(graph);
    expect(asked.children?.map((it) => it.id)).toEqual(['group:clients', 'group:shop']);
    expect(asked.edges?.map((it) => it.sources[0])).toEqual(['a>']);
  });

  test('kube-system and the host stand below all others', () => {
    const answer = {
      id: 'root',
      children: [
        { id: 'group:shop', x: 10, y: 20, children: [{ id: 'b', x: 14, y: 40, width: 124, height: 56 }] },
        { id: 'group:clients', x: 300, y: 0, children: [{ id: 'a', x: 14, y: 40, width: 124, height: 56 }] },
      ],
    };
    const { boxes } = readLayout(graph, answer);
    expect(boxes.get('b')).toEqual({ x: 24, y: 60, width: 124, height: 56 });
    const bottom = Math.max(...['a', 'b'].map((id) => (boxes.get(id)?.y ?? 0) + 56));
    for (const id of ['dns', 'host']) expect(boxes.get(id)?.y).toBeGreaterThan(bottom);
  });

  test('what is new moves nothing and lies on nothing', () => {
    const before = laid();
    const after = extendLayout(graph, before);
    for (const id of ['a', 'b']) {
      const [was, is] = [before.boxes.get(id), after.boxes.get(id)];
      expect([is?.x, is?.y]).toEqual([was?.x, was?.y]);
    }
    const boxes = [...after.boxes.values()];
    expect(boxes).toHaveLength(4);
    for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) expect(overlap(a, b)).toBe(false);
  });

  test('a group encloses its cards', () => {
    const { boxes } = extendLayout(graph, laid());
    const [group, card] = [groupBoxes(graph, boxes).get('shop'), boxes.get('b')];
    expect(group && card && group.x < card.x && group.y < card.y && group.x + group.width > card.x + card.width).toBe(
      true,
    );
  });

  test('lines leave a card apart, in the order of where they go', () => {
    const fan = buildGraph(
      map([node('a'), node('b'), node('c'), node('d')], [edge('a', 'b'), edge('a', 'c'), edge('a', 'd')]),
    );
    const boxes = new Map([
      ['a', { x: 0, y: 100, width: 124, height: 56 }],
      ['b', { x: 300, y: 200, width: 124, height: 56 }],
      ['c', { x: 300, y: 0, width: 124, height: 56 }],
      ['d', { x: 300, y: 100, width: 124, height: 56 }],
    ]);
    const starts = new Map(
      routesOf(fan, { boxes, routes: new Map() }, new Set()).map((it) => [it.line.target, it.curve[0]?.y]),
    );
    expect([starts.get('c'), starts.get('d'), starts.get('b')]).toEqual([113, 128, 143]);
  });

  test('a fold hides edges, never drops', () => {
    const mixed = buildGraph(map([node('a'), node('b')], [edge('a', 'b'), edge('a', 'b', { ...dropped, id: 'x' })]));
    const layout = extendLayout(mixed, { boxes: new Map(), routes: new Map() });
    expect(routesOf(mixed, layout, new Set(['b'])).map((it) => it.line.end)).toEqual(['dropped']);
  });
});

test('labels touch neither cards nor each other; the worst get a place first', () => {
  const lines = buildGraph(
    map(
      [node('a'), node('b')],
      [1, 2, 3].map((i) => edge('a', 'b', { ...dropped, id: `d${i}`, drop_rate: i, port: 80 })),
    ),
  ).lines;
  const points = sample(sideToSide({ x: 0, y: 0 }, { x: 400, y: 0 }));
  const card = { x: 180, y: -20, width: 40, height: 40 };
  const labels = placeLabels(
    lines.map((line) => ({ line, curve: [], points })),
    [card],
    (it) => `dropped ${it.line.rate}/s`,
  );
  expect(labels[0]?.text).toBe('dropped 3/s');
  const boxes = labels.map(({ at, text }) => ({
    x: at.x - text.length * 3,
    y: at.y - 8,
    width: text.length * 6,
    height: 16,
  }));
  for (const [i, a] of boxes.entries())
    for (const b of [card, ...boxes.slice(i + 1)]) expect(overlap(a, b)).toBe(false);
});
