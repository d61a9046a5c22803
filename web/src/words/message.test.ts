import { describe, expect, it } from 'vitest';
import type { HubbleFlow, HubbleL7, SpyglassL7 } from '../../../server/wire/hubble.ts';
import { edgeL7Words, isFailing } from './edge-l7.ts';
import { messageOf, pathOf } from './message.ts';
import { percent } from './numbers.ts';
import { whyForwarded } from './reasons.ts';
import { whatOf } from './what.ts';

function flowOf(l7: Partial<HubbleL7>, own: Partial<SpyglassL7>): HubbleFlow {
  const spyglass = { event: 'L7', policy: null, drop: null, l7: { protocol: 'http', route: 'GET /', ...own } };
  return {
    l7: { type: 'RESPONSE', ...l7 },
    is_reply: l7.type !== 'REQUEST',
    source: { namespace: 'shop', pod_name: 'cart-1' },
    destination: { namespace: 'shop', pod_name: 'web-1' },
    extensions: { value: { spyglass } },
  } as HubbleFlow;
}

const http = { code: 503, method: 'POST', url: 'http://orders:8080/orders/17?key', protocol: 'HTTP/1.1' };

describe('what a message says', () => {
  it.each<[string, Partial<HubbleL7>, Partial<SpyglassL7>]>([
    ['POST /orders/17?key → 503', { http }, {}],
    ['POST /orders/17?key', { type: 'REQUEST', http }, {}],
    ['Payments/Charge → UNAVAILABLE', { http }, { grpc: { service: 'shop.Payments', method: 'Charge', status: 14 } }],
    [
      'A api.example.com → 10.0.0.1',
      { dns: { query: 'api.example.com.', qtypes: ['A'], ips: ['10.0.0.1'], observation_source: '' } },
      {},
    ],
    [
      'A a.b → 10.0.0.1 and 1 more',
      { dns: { query: 'a.b.', qtypes: ['A'], ips: ['10.0.0.1', '10.0.0.2'], observation_source: '' } },
      {},
    ],
    ['A a.b → NXDOMAIN', { dns: { query: 'a.b.', qtypes: ['A'], rcode: 3, observation_source: '' } }, {}],
    ['A a.b → no records', { dns: { query: 'a.b.', qtypes: ['A'], observation_source: '' } }, {}],
    ['SELECT ? → 3 rows', {}, { sql: { kind: 'SELECT', statement: 'SELECT ?', rows: 3, error: '' } }],
    ['SELECT ? → 42P01', {}, { sql: { kind: 'SELECT', statement: 'SELECT ?', error: '42P01' } }],
    ['INCR → WRONGTYPE', {}, { redis: { command: 'INCR', error: 'WRONGTYPE' } }],
    ['hello pay.example.net → TLS 1.3', {}, { tls: { sni: 'pay.example.net', alpn: [], version: 'TLS 1.3' } }],
    ['fetch orders → error 6', { kafka: { api_key: 'fetch', topic: 'orders', error_code: 6 } }, {}],
  ])('%s', (words, l7, own) => {
    expect(whatOf(flowOf(l7, own))).toBe(words);
  });

  it('is nothing where none could be read', () => {
    expect(messageOf({ ...flowOf({}, {}), l7: undefined } as unknown as HubbleFlow)).toBeNull();
  });

  it('is a sentence about who asked whom', () => {
    const flow = flowOf({ http }, { is_error: true, latency_ns: 131e6 });
    expect(whyForwarded(flow).cause).toBe(
      'shop/web-1 asked shop/cart-1 for POST /orders/17?key and got the error 503 after 131\u00a0ms.',
    );
  });
});

it.each([
  ['http://a:80/b?c', '/b?c'],
  ['/b', '/b'],
  ['https://a', '/'],
])('the path of %s is %s', (url, path) => {
  expect(pathOf(url)).toBe(path);
});

it('edges are told in words, lower bounds as such', () => {
  const l7 = { protocol: 'http', rate: 71, requests: 1, responses: 1, errors: 1, p50_ns: 1 } as const;
  expect(edgeL7Words({ ...l7, error_share: 0.021, p95_ns: 44e6, exact: true })).toBe(
    'http 71/s, 2.1\u00a0% errors, p95 44\u00a0ms',
  );
  expect(edgeL7Words({ ...l7, error_share: null, p95_ns: null, exact: false })).toBe('http at least 71/s');
  expect(
    [0.0099, 0.01, null].map((error_share) => isFailing({ ...l7, error_share, p95_ns: null, exact: true })),
  ).toEqual([false, true, false]);
});

it.each([
  [0, '0'],
  [0.0001, '< 0.1'],
  [0.0612, '6.1'],
  [1, '100'],
])('a share of %f is %s per cent', (share, text) => {
  expect(percent(share)).toBe(`${text}\u00a0%`);
});
