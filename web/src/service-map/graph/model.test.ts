import { describe, expect, test } from 'vitest';
import { dropped, edge, map, node } from './fixture.ts';
import { buildGraph, dropPlace, linesOf } from './model.ts';
import { NOTE_HEIGHT, ROW_HEIGHT, rowMiddle, sizeOf } from './size.ts';

describe('lines', () => {
  test('an edge that passed and was dropped is two lines', () => {
    const both = edge('a', 'b', { verdicts: { FORWARDED: 10, DROPPED: 3 }, drop_rate: 1 });
    expect(linesOf(both).map(({ end, rate }) => [end, rate])).toEqual([
      ['forwarded', 10],
      ['dropped', 1],
    ]);
  });

  test('connections without any answer end in a ring', () => {
    expect(linesOf(edge('a', 'b', { answered: 0, reply_packets: 0 }))[0]?.end).toBe('unanswered');
  });

  test('only policy stops a packet at its target', () => {
    expect(dropPlace({ POLICY_DENIED: 3, FIB_LOOKUP_FAILED: 1 })).toBe('target');
    for (const reason of ['SERVICE_BACKEND_NOT_FOUND', 'FIB_LOOKUP_FAILED', 'INVALID_SOURCE_IP']) {
      expect(dropPlace({ [reason]: 3 })).toBe('source');
    }
  });
});

describe('nodes', () => {
  test('port rows stand by number, ports of the moment last, and do not move with their rates', () => {
    const edges = [
      edge('a', 'b', { port: 36_884, packet_rate: 90 }),
      edge('a', 'b', { port: 443, packet_rate: 1 }),
      edge('a', 'b', { port: 80, packet_rate: 50 }),
    ];
    const graph = buildGraph(map([node('a'), node('b')], edges));
    expect(graph.nodes.get('b')?.ports.map((it) => it.port)).toEqual([80, 443, 36_884]);
  });

  test('messages of all that arrive at a port are told together, under the protocol with most', () => {
    const l7 = { protocol: 'http', rate: 5, requests: 50, responses: 50, errors: 1 } as const;
    const more = { error_share: 0.02, p50_ns: 1e6, p95_ns: 9e6, exact: true };
    const edges = [
      edge('a', 'c', { l7: { ...l7, ...more } }),
      edge('b', 'c', { l7: { ...l7, ...more, protocol: 'grpc', rate: 20, errors: 3, p95_ns: null } }),
      edge('a', 'c', { port: 81 }),
    ];
    const graph = buildGraph(map([node('a'), node('b'), node('c')], edges));
    expect(graph.nodes.get('c')?.ports.map((it) => it.l7)).toEqual([
      { protocol: 'grpc', rate: 25, responses: 100, errors: 4, p95: 9e6 },
      null,
    ]);
    const card = graph.nodes.get('c')!;
    // The second port stands below the note of the first.
    expect(rowMiddle(card, 'TCP/81') - rowMiddle(card, 'TCP/80')).toBe(ROW_HEIGHT + NOTE_HEIGHT);
    expect(sizeOf(card).height - rowMiddle(card, 'TCP/81')).toBeGreaterThan(ROW_HEIGHT / 2);
  });

  test('the world goes by the name that DNS gave it', () => {
    const world = { ...node('world/203.0.113.7', '', 'World'), addresses: ['pay.example.net', '203.0.113.7'] };
    expect(buildGraph(map([world], [])).nodes.get(world.id)?.node.name).toBe('pay.example.net');
  });

  test('drops are sent, and do not arrive', () => {
    const graph = buildGraph(map([node('a'), node('b')], [edge('a', 'b', dropped())]));
    expect(graph.nodes.get('a')).toMatchObject({ out: 2, hasReached: false });
    expect(graph.nodes.get('b')).toMatchObject({ isUnreached: true, ports: [{ rate: 0 }] });
  });

  test('an edge to a node that is not in the map is left out', () => {
    expect(buildGraph(map([node('a')], [edge('a', 'nowhere')])).lines).toEqual([]);
  });
});

describe('groups', () => {
  test('rates count what crosses the border, drops what begins or ends within', () => {
    const edges = [edge('a', 'b'), edge('c', 'a'), edge('b', 'c', dropped())];
    const { groups } = buildGraph(map([node('a'), node('b'), node('c', 'other')], edges));
    expect(groups.get('shop')).toMatchObject({ in: 10, out: 0, dropped: 2, pods: 2 });
    expect(groups.get('other')).toMatchObject({ in: 0, out: 10, dropped: 2 });
  });

  test('a namespace drawn as a node has no group around it', () => {
    const { groups, nodes } = buildGraph(map([node('shop', 'shop', 'Namespace')], []));
    expect(groups.size).toBe(0);
    expect(nodes.get('shop')?.group).toBeNull();
  });
});
