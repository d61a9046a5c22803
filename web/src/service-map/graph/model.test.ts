import { describe, expect, test } from 'vitest';
import { dropped, edge, map, node } from './fixture.ts';
import { buildGraph, dropPlace, linesOf } from './model.ts';

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
