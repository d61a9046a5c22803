import { describe, expect, it } from 'vitest';
import { latencyBucket } from '../../wire/latency.ts';
import { SeriesTable } from './series.ts';
import type { SeriesEnds } from './series.ts';

const HOUR_MS = 3600e3;

function endsOf(source: number, peer = ''): SeriesEnds {
  return {
    source_endpoint: source,
    destination_endpoint: 2,
    source_identity: 300,
    destination_identity: 400,
    service_id: 7,
    port: 80,
    peer,
  };
}

describe('SeriesTable', () => {
  it('counts requests, answers, errors, codes and latencies', () => {
    const table = new SeriesTable();
    const ends = table.ends(endsOf(1));
    for (let n = 0; n < 3; n += 1) table.request(ends, 'http', 'GET /');
    table.response(ends, 'http', 'GET /', '200', false, 1_000_000);
    table.response(ends, 'http', 'GET /', '500', true, 5_000_000);
    expect(table.report(false, 0)).toEqual([
      {
        id: 1,
        ...endsOf(1),
        protocol: 'http',
        route: 'GET /',
        requests: 3,
        responses: 2,
        errors: 1,
        codes: [
          ['200', 1],
          ['500', 1],
        ],
        latency_sum_ns: 6_000_000,
        latency: [
          [latencyBucket(1_000_000), 1],
          [latencyBucket(5_000_000), 1],
        ],
      },
    ]);
  });

  it('reports what changed, or all', () => {
    const table = new SeriesTable();
    const a = table.ends(endsOf(1));
    const b = table.ends(endsOf(2));
    table.response(a, 'redis', 'GET', '', false, 100);
    table.response(b, 'redis', 'GET', '', false, 100);
    expect(table.report(false, 0)).toHaveLength(2);
    expect(table.report(false, 1)).toEqual([]);
    table.response(b, 'redis', 'GET', '', false, 1e9);
    table.response(b, 'redis', 'GET', '', false, 1);
    const [changed] = table.report(false, 2);
    expect(changed).toMatchObject({
      id: 2,
      responses: 3,
      latency: [
        [0, 1],
        [latencyBucket(1e9), 1],
      ],
    });
    const all = table.report(true, 3);
    expect(all.map(({ id }) => id)).toEqual([1, 2]);
    expect(all[1]?.latency).toEqual([
      [0, 1],
      [latencyBucket(100), 1],
      [latencyBucket(1e9), 1],
    ]);
  });

  it('counts connections of the same ends in one series', () => {
    const table = new SeriesTable();
    const first = table.ends(endsOf(1));
    const second = table.ends(endsOf(1));
    table.request(first, 'http', 'GET /');
    table.request(second, 'http', 'GET /');
    table.request(table.ends(endsOf(1)), 'http', 'GET /');
    table.request(table.ends(endsOf(1, '192.0.2.1')), 'http', 'GET /');
    expect(table.report(false, 0).map(({ requests }) => requests)).toEqual([3, 1]);
  });

  it('bounds series and keeps sums exact', () => {
    const table = new SeriesTable();
    const ends = table.ends(endsOf(1));
    for (let n = 0; n < 6000; n += 1) table.request(ends, 'http', `GET /${n}`);
    for (let n = 0; n < 2000; n += 1) table.request(table.ends(endsOf(n + 2)), 'http', 'GET /');
    for (let n = 0; n < 10; n += 1) table.request(table.ends(endsOf(n + 5000)), 'dns', 'A');
    const all = table.report(true, 0);
    expect(all).toHaveLength(5000 + 1000 + 2);
    expect(table.size).toBe(6002);
    expect(all.reduce((sum, { requests }) => sum + requests, 0)).toBe(8010);
    expect(all.find(({ route, source_endpoint }) => route === 'other' && source_endpoint === 1)?.requests).toBe(1000);
    const overflow = all.filter(({ destination_endpoint }) => destination_endpoint === 0);
    expect(overflow.map(({ protocol, route, requests }) => [protocol, route, requests])).toEqual([
      ['http', 'other', 1001],
      ['dns', 'other', 10],
    ]);
  });

  it('bounds codes', () => {
    const table = new SeriesTable();
    const ends = table.ends(endsOf(1));
    for (let n = 0; n < 1000; n += 1) table.response(ends, 'redis', 'GET', `E${n}`, true, 1);
    const codes = new Map(table.report(false, 0)[0]?.codes);
    expect(codes.size).toBe(33);
    expect(codes.get('other')).toBe(968);
  });

  it('forgets what was idle for an hour, and numbers what comes back anew', () => {
    const table = new SeriesTable();
    const old = table.ends(endsOf(1));
    table.request(old, 'http', 'GET /');
    table.report(false, 0);
    table.request(table.ends(endsOf(2)), 'http', 'GET /');
    table.report(false, HOUR_MS);
    expect(table.size).toBe(1);
    // One connection still has the old handle, another asks for the same ends.
    table.request(table.ends(endsOf(1)), 'http', 'GET /');
    table.request(old, 'http', 'GET /');
    expect(table.report(false, HOUR_MS + 1)).toMatchObject([{ id: 3, requests: 2 }]);
  });

  it('does not forget what was not reported', () => {
    const table = new SeriesTable();
    table.request(table.ends(endsOf(1)), 'http', 'GET /');
    expect(table.report(false, 2 * HOUR_MS)).toHaveLength(1);
    expect(table.size).toBe(1);
  });

  it('holds latencies of any size', () => {
    const table = new SeriesTable();
    const ends = table.ends(endsOf(1));
    const latencies = [1e6, 0, Number.NaN, -5, 1e18, 3.6e12, 2];
    for (const ns of latencies) table.response(ends, 'http', 'GET /', '', false, ns);
    const buckets = table.report(false, 0)[0]?.latency ?? [];
    expect(buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(latencies.length);
  });
});
