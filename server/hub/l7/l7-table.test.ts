import { describe, expect, it } from 'vitest';
import type { EndpointEntry } from '../../wire/agent.ts';
import type { L7Series } from '../../wire/l7.ts';
import { latencyBucket } from '../../wire/latency.ts';
import type { MapGroup } from '../../wire/service-map.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { parseFilter } from '../../flows/filter.ts';
import { DICTIONARY } from '../testing/hub-bed.ts';
import { l7Series } from '../testing/l7-fixtures.ts';
import { edgeMessages } from './edge-messages.ts';
import type { L7Window } from './l7-ring.ts';
import { l7Table } from './l7-table.ts';
import { type L7Totals, zeroLosses } from './l7-totals.ts';
import { TrackedSeries } from './tracked-series.ts';

function dictionary(node: string, change: (entry: EndpointEntry) => EndpointEntry = (it) => it): AgentDictionary {
  const names = new AgentDictionary(node);
  names.apply({ ...DICTIONARY, endpoints: DICTIONARY.endpoints.map(change) }, 1);
  return names;
}

const names = dictionary('node-a');
/** The node of cart-1, for which web-1 is a pod of another node. */
const other = dictionary('node-b', (it) => (it.ref === 16 ? { ...it, kind: 'remote' } : it));

function row(series: L7Series, of = names): [TrackedSeries, L7Totals] {
  const tracked = new TrackedSeries(of, series);
  return [tracked, tracked.advance(series).by];
}

function windowOf(rows: [TrackedSeries, L7Totals][], losses: L7Window['losses'] = new Map()): L7Window {
  return { since: 1_000_000, until: 1_000_010, covered: 10, exact: true, rows: new Map(rows), losses };
}

const ALL = parseFilter([]);
const tableOf = (window: L7Window, group: MapGroup = 'workload', filter = ALL) => l7Table(window, group, filter);

describe('the table of routes', () => {
  it('tells rate, errors, codes and latency of a route', () => {
    const series = l7Series(100, 10, {
      errors: 2,
      codes: [
        ['200', 98],
        ['503', 2],
      ],
      latency: [
        [latencyBucket(10e6), 90],
        [latencyBucket(200e6), 10],
      ],
      latency_sum_ns: 90 * 10e6 + 10 * 200e6,
    });
    const { rows } = tableOf(windowOf([row(series)]));
    expect(rows).toMatchObject([
      {
        source: 'shop/Deployment/web',
        target: 'shop/Deployment/cart',
        service: { namespace: 'shop', name: 'cart' },
        port: 8080,
        protocol: 'http',
        route: 'GET /v1/price',
        requests: 100,
        rate: 10,
        error_share: 0.02,
        codes: { 200: 98, 503: 2 },
        latency_ns: { mean: 29_000_000 },
        exact: true,
      },
    ]);
    const latency = rows[0]?.latency_ns;
    expect(Math.abs((latency?.p50 ?? 0) / 10e6 - 1)).toBeLessThan(0.02);
    expect(Math.abs((latency?.p95 ?? 0) / 200e6 - 1)).toBeLessThan(0.02);
  });

  it('sums over callers, and over routes, with percentiles of all of them', () => {
    const slow = { latency: [[latencyBucket(500e6), 30]] as [number, number][], latency_sum_ns: 30 * 500e6 };
    const window = windowOf([
      row(l7Series(70, 1, { latency: [[latencyBucket(1e6), 70]], latency_sum_ns: 70e6 })),
      row(
        l7Series(30, 1, {
          id: 2,
          route: 'POST /v1/price',
          source_endpoint: 0,
          source_identity: 2,
          peer: '8.8.8.8',
          ...slow,
        }),
      ),
    ]);
    const perRoute = l7Table(window, 'workload', ALL, 'target-route').rows;
    expect(perRoute.map(({ source, route, requests }) => [source, route, requests])).toEqual([
      ['', 'GET /v1/price', 70],
      ['', 'POST /v1/price', 30],
    ]);
    const [all, ...none] = l7Table(window, 'workload', ALL, 'target').rows;
    expect(none).toEqual([]);
    expect(all).toMatchObject({ source: '', route: '', target: 'shop/Deployment/cart', requests: 100 });
    expect(Math.abs((all?.latency_ns?.p50 ?? 0) / 1e6 - 1)).toBeLessThan(0.02);
    expect(Math.abs((all?.latency_ns?.p95 ?? 0) / 500e6 - 1)).toBeLessThan(0.02);
  });

  it('merges nodes and pods, but not routes; the busiest comes first', () => {
    const rows = [
      row(l7Series(10, 1)),
      row(l7Series(30, 100, { id: 2, source_endpoint: 99 })),
      row(l7Series(20, 1, { id: 3, route: 'POST /v1/price' })),
    ];
    const perPod = tableOf(windowOf(rows), 'pod').rows;
    expect(perPod.map((it) => it.requests)).toEqual([30, 20, 10]);
    const twice = [row(l7Series(10, 1)), row(l7Series(30, 100, { id: 2 }))];
    expect(tableOf(windowOf(twice)).rows).toMatchObject([{ requests: 40, latency_ns: { mean: 75_250_000 } }]);
  });

  it('counts once what two nodes saw', () => {
    const rows = [row(l7Series(10)), row(l7Series(10, 3, { route: 'GET /v1/{id}' }), other)];
    expect(tableOf(windowOf(rows)).rows.map((it) => it.route)).toEqual(['GET /v1/price']);
    expect(tableOf(windowOf([row(l7Series(10), other)])).rows).toHaveLength(1);
  });

  it('calls a row a lower bound where its node lost something that counts', () => {
    const lossOf = (change: object): L7Window['losses'] => new Map([['node-a', { ...zeroLosses(), ...change }]]);
    const one = [row(l7Series(1))];
    expect(tableOf(windowOf(one, lossOf({ gaps: 1 })))).toMatchObject({
      losses: { gaps: 1 },
      rows: [{ exact: false }],
    });
    // What sent no events is counted in the series all the same.
    expect(tableOf(windowOf(one, lossOf({ unsent: 9 }))).rows[0]?.exact).toBe(true);
    expect(tableOf(windowOf(one, new Map([['node-z', { ...zeroLosses(), ring: 1 }]]))).rows[0]?.exact).toBe(true);
  });

  it.each([
    ['protocol=http', 1],
    ['protocol=redis', 0],
    ['namespace=shop', 1],
    ['to-workload=cart', 1],
    ['to-workload=web', 0],
    ['to-port=8080', 1],
    ['verdict=dropped', 0],
  ])('with the filter %s has %i rows', (query, expected) => {
    expect(
      tableOf(windowOf([row(l7Series(1))]), 'workload', parseFilter(new URLSearchParams(query))).rows,
    ).toHaveLength(expected);
  });

  it('names answers that came without requests', () => {
    const { rows } = tableOf(windowOf([row(l7Series(0, 1, { responses: 2, errors: 2, codes: [], latency: [] }))]));
    expect(rows).toMatchObject([{ rate: 0, error_share: 1, latency_ns: null }]);
  });
});

describe('messages of an edge', () => {
  const [web, cart] = ['shop/Deployment/web', 'shop/Deployment/cart'];
  const of = (rows: [TrackedSeries, L7Totals][]) => edgeMessages(windowOf(rows), 'workload', ALL, new Set());

  it('are all its routes together, under the protocol with most', () => {
    const messages = of([
      row(l7Series(10, 1)),
      row(l7Series(30, 50, { id: 2, route: 'a.B/C', protocol: 'grpc', errors: 3 })),
    ]);
    const l7 = messages.of(web, cart, 8080, 6);
    expect(l7).toMatchObject({ protocol: 'grpc', requests: 40, rate: 4, errors: 3, error_share: 0.075, exact: true });
    expect(Math.abs((l7?.p95_ns ?? 0) / 50e6 - 1)).toBeLessThan(0.02);
  });

  it('are of the transport that carries them', () => {
    const messages = of([row(l7Series(5, 1, { protocol: 'dns', route: 'A', port: 53 }))]);
    expect(messages.of(web, cart, 53, 17)).toMatchObject({ protocol: 'dns', requests: 5 });
    expect(messages.of(web, cart, 53, 6)).toBeNull();
    expect(messages.of(web, cart, 80, 17)).toBeNull();
  });
});
