import { describe, expect, it } from 'vitest';
import type { EdgeCounters, EndpointEntry } from '../../wire/agent.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { parseFilter } from '../../flows/filter.ts';
import { EdgeRing } from './edge-ring.ts';
import { rttOf, serviceMap } from './service-map.ts';
import { type EdgeTotals, TrackedEdge, zeroTotals } from './tracked-edge.ts';

const NOW = 1_772_619_330;
const ALL = parseFilter([]);

function pod(ref: number, namespace: string, workload: string, kind: EndpointEntry['kind'] = 'pod'): EndpointEntry {
  return {
    ref,
    kind,
    namespace,
    name: `${workload}-${ref}`,
    addresses: [`10.1.0.${ref}`],
    identity: 300,
    labels: [],
    workload: { name: workload, kind: 'Deployment' },
    created: '',
  };
}

function dictionary(node: string, endpoints: EndpointEntry[]): AgentDictionary {
  const names = new AgentDictionary(node);
  names.apply(
    {
      snapshot: true,
      endpoints,
      services: [
        { id: 5, namespace: 'shop', name: 'cart', addresses: ['10.96.0.5'], ports: [], backends: [17, 18] },
        { id: 6, namespace: 'shop', name: 'empty', addresses: ['10.96.0.6'], ports: [], backends: [] },
      ],
      identities: [],
      removed_endpoints: [],
      removed_services: [],
      rules: [],
      policies: [],
      policy_problems: null,
      removed_identities: [],
      removed_rules: [],
      removed_policies: [],
    },
    1,
  );
  return names;
}

const names = dictionary('node-a', [
  pod(16, 'shop', 'web'),
  pod(17, 'shop', 'cart'),
  pod(18, 'shop', 'cart'),
  { ...pod(1, '', 'host', 'host'), name: 'node-a', workload: null },
]);

function edge(fields: Partial<EdgeCounters>, of = names): TrackedEdge {
  return new TrackedEdge(of, {
    slot: 1,
    source_endpoint: 16,
    destination_endpoint: 17,
    source_identity: 300,
    destination_identity: 300,
    service_id: 5,
    port: 8080,
    protocol: 6,
    verdict: 1,
    drop_reason: 0,
    peer: '',
    rtt_histogram: [],
    ...zeroTotals(),
    ...fields,
  });
}

function totals(packets: number, more: Partial<EdgeTotals> = {}): EdgeTotals {
  return { ...zeroTotals(), packets, bytes: packets * 100, ...more };
}

function mapOf(
  rows: [TrackedEdge, EdgeTotals][],
  group: 'workload' | 'service' | 'pod' | 'namespace' = 'workload',
  filter = ALL,
) {
  const window = { since: NOW - 10, until: NOW, covered: 10, exact: true, rows: new Map(rows) };
  return serviceMap(window, group, filter, [names], null);
}

describe('the service map', () => {
  it('sums the pods of a workload', () => {
    const map = mapOf([
      [edge({}), totals(10, { reply_packets: 10, connections: 2, answered: 2 })],
      [edge({ destination_endpoint: 18 }), totals(5, { rtt: [0, 4] })],
    ]);
    expect(map.edges).toEqual([
      {
        id: 'shop/Deployment/web>shop/Deployment/cart:TCP/8080',
        source: 'shop/Deployment/web',
        target: 'shop/Deployment/cart',
        protocol: 'TCP',
        port: 8080,
        service: { namespace: 'shop', name: 'cart' },
        verdicts: { FORWARDED: 25 },
        drop_reasons: {},
        packets: 15,
        bytes: 1500,
        reply_packets: 10,
        reply_bytes: 0,
        connections: 2,
        answered: 2,
        connection_rate: 0.2,
        packet_rate: 2.5,
        byte_rate: 150,
        drop_rate: 0,
        rtt: { count: 4, p50_ns: 2828, p95_ns: 3864 },
        l7: null,
      },
    ]);
    expect(map.nodes.find((node) => node.name === 'cart')).toEqual({
      id: 'shop/Deployment/cart',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'cart',
      pods: 2,
      addresses: ['cart.shop.svc.cluster.local', '10.1.0.17', '10.1.0.18'],
    });
    expect(map.window).toEqual({ since: '2026-03-04T10:15:20Z', until: '2026-03-04T10:15:30Z', exact: true });
  });

  it.each([
    ['pod', 'shop/Pod/web-16>shop/Pod/cart-17:TCP/8080'],
    ['service', 'shop/Deployment/web>shop/Service/cart:TCP/8080'],
    ['namespace', 'shop/Namespace/shop>shop/Namespace/shop:TCP/8080'],
  ] as const)('groups by %s', (group, id) => {
    expect(mapOf([[edge({}), totals(1)]], group).edges[0]?.id).toBe(id);
  });

  it('points drops of a service without backend at the service', () => {
    const dropped = edge({ destination_endpoint: 0, service_id: 6, verdict: 2, drop_reason: 158, port: 80 });
    const map = mapOf([[dropped, totals(3)]]);
    expect(map.edges[0]).toMatchObject({
      target: 'shop/Service/empty',
      verdicts: { DROPPED: 3 },
      drop_reasons: { SERVICE_BACKEND_NOT_FOUND: 3 },
      packets: 0,
      drop_rate: 0.3,
    });
    expect(map.nodes.find((node) => node.kind === 'Service')).toEqual({
      id: 'shop/Service/empty',
      kind: 'Service',
      namespace: 'shop',
      name: 'empty',
      pods: 0,
      addresses: ['empty.shop.svc.cluster.local', '10.96.0.6'],
    });
  });

  it('keeps verdicts of one edge together', () => {
    const map = mapOf([
      [edge({}), totals(7)],
      [edge({ verdict: 2, drop_reason: 155 }), totals(2)],
    ]);
    expect(map.edges).toHaveLength(1);
    expect(map.edges[0]).toMatchObject({ verdicts: { FORWARDED: 7, DROPPED: 2 }, packets: 7 });
  });

  it('shows twelve addresses of the world, and the rest together', () => {
    const rows = Array.from({ length: 20 }, (_, i): [TrackedEdge, EdgeTotals] => [
      edge({ destination_endpoint: 0, destination_identity: 2, service_id: 0, peer: `198.51.100.${i}` }),
      totals(i + 1),
    ]);
    const { nodes, edges } = mapOf(rows);
    const world = nodes.filter((node) => node.kind === 'World');
    expect(world).toHaveLength(13);
    expect(world.map((node) => node.id)).toContain('world/198.51.100.19');
    expect(edges.find((found) => found.target === 'world/other')?.packets).toBe(36);
  });

  it('names hosts', () => {
    const map = mapOf([
      [edge({ source_endpoint: 1 }), totals(1)],
      [edge({ source_endpoint: 0, source_identity: 1, port: 1 }), totals(1)],
    ]);
    expect(map.edges.map((found) => found.source)).toEqual(['host/node-a', 'host/node-a']);
  });

  it('filters edges', () => {
    const rows: [TrackedEdge, EdgeTotals][] = [
      [edge({}), totals(1)],
      [edge({ verdict: 2, drop_reason: 155 }), totals(1)],
    ];
    const only = (query: string) => mapOf(rows, 'workload', parseFilter(new URLSearchParams(query))).edges[0]?.verdicts;
    expect(only('verdict=DROPPED')).toEqual({ DROPPED: 1 });
    expect(only('namespace=lab')).toBeUndefined();
    expect(only('to-pod=shop/cart&verdict=FORWARDED')).toEqual({ FORWARDED: 1 });
  });

  it('counts what two nodes saw once', () => {
    const other = dictionary('node-b', [pod(30, 'shop', 'web', 'remote'), pod(40, 'shop', 'cart')]);
    const here = dictionary('node-a', [
      { ...pod(16, 'shop', 'web'), name: 'web-30' },
      pod(40, 'shop', 'cart', 'remote'),
    ]);
    const map = mapOf([
      [edge({ destination_endpoint: 40 }, here), totals(9)],
      [edge({ source_endpoint: 30, destination_endpoint: 40 }, other), totals(9)],
      [edge({ source_endpoint: 30, destination_endpoint: 40, verdict: 2, drop_reason: 155 }, other), totals(1)],
    ]);
    expect(map.edges[0]?.verdicts).toEqual({ FORWARDED: 9, DROPPED: 1 });
  });
});

describe('rttOf', () => {
  it('interpolates within a bucket', () => {
    expect(rttOf([])).toBeNull();
    expect(rttOf([0, 0, 0])).toBeNull();
    expect(rttOf([100])).toEqual({ count: 100, p50_ns: 1414, p95_ns: 1932 });
    expect(rttOf([50, 0, 0, 50])).toEqual({ count: 100, p50_ns: 2000, p95_ns: 14_929 });
  });
});

describe('the ring of increments', () => {
  const one = edge({});

  it('sums a window, and knows where its data begin', () => {
    const ring = new EdgeRing();
    for (let second = NOW; second < NOW + 30; second++) ring.add(second, [[one, totals(1)]], true);
    const inside = ring.window(NOW + 10, NOW + 20, NOW + 5000);
    expect(inside.rows.get(one)?.packets).toBe(10);
    expect(inside).toMatchObject({ exact: true, covered: 10 });
    expect(ring.window(NOW - 60, NOW + 30, NOW + 5000)).toMatchObject({ exact: false, covered: 31 });
  });

  it('adds what several nodes report in one second', () => {
    const ring = new EdgeRing();
    ring.add(NOW, [[one, totals(1, { rtt: [1] })]], true);
    ring.add(NOW, [[one, totals(2, { rtt: [2] })]], false);
    const window = ring.window(NOW, NOW + 1, NOW + 5000);
    expect(window.rows.get(one)).toMatchObject({ packets: 3 });
    expect(window.rows.get(one)?.rtt[0]).toBe(3);
    expect(window.exact).toBe(false);
  });

  it('keeps sums over 15 minutes, then forgets', () => {
    const ring = new EdgeRing();
    for (let second = NOW; second < NOW + 1200; second++) ring.add(second, [[one, totals(1)]], true);
    const end = NOW + 1200;
    expect(ring.window(end - 600, end, NOW + 5000).rows.get(one)?.packets).toBe(600);
    expect(ring.window(end - 900, end, NOW + 5000).rows.get(one)?.packets).toBe(900);
    expect(ring.window(NOW, NOW + 100, NOW + 5000).rows.size).toBe(0);
  });
});
