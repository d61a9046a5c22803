/** Messages as agents send them, for tests. */
import type { L7Message } from '../../../wire/l7.ts';

export const HTTP_RESPONSE: L7Message = {
  kind: 'RESPONSE',
  protocol: 'http',
  latency_ns: 3_214_000,
  route: 'GET /v1/price',
  http: {
    code: 200,
    method: 'GET',
    url: 'http://cart:8080/v1/price?sku',
    protocol: 'HTTP/1.1',
    headers: [
      { key: 'X-Request-Id', value: '0b7e' },
      { key: 'Traceparent', value: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
    ],
  },
};

export const DNS_RESPONSE: L7Message = {
  kind: 'RESPONSE',
  protocol: 'dns',
  latency_ns: 300_000,
  route: 'A',
  dns: {
    query: 'api.example.com.',
    qtypes: ['A'],
    rcode: 0,
    rrtypes: ['A'],
    ips: ['203.0.113.7'],
    ttl: 30,
    transport: 'UDP',
  },
};

/** The question of an answer, as it went before it. */
export function requestOf({ latency_ns: _latency, is_error: _isError, ...message }: L7Message): L7Message {
  const { http, dns } = message;
  return {
    ...message,
    kind: 'REQUEST',
    ...(http !== undefined && { http: { ...http, code: 0 } }),
    ...(dns !== undefined && { dns: { query: dns.query, qtypes: dns.qtypes, transport: dns.transport } }),
  };
}
