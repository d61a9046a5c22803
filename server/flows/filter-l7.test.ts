import { pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { L7Message } from '../wire/l7.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { AgentDictionary } from './dictionary.ts';
import { parseFilter } from './filter.ts';
import { FilterError } from './filter-test.ts';
import { DNS_RESPONSE, HTTP_RESPONSE, requestOf } from './l7/testing/messages.ts';
import { RecordCursor } from './record.ts';
import { type RecordFields, writeRecord } from './record-writer.ts';

const names = new AgentDictionary('node-a');
names.dns.add({ address: '203.0.113.7', name: 'api.example.com.' });
names.dns.add({ address: '2001:db8:0:0::1', name: 'six.example.com' });

const PACKET: RecordFields = {
  type: 1,
  verdict: 1,
  family: 4,
  protocol: 6,
  source: '10.1.0.16',
  destination: '203.0.113.7',
};

function matches(query: string, message: L7Message | null = HTTP_RESPONSE, more: RecordFields = {}): boolean {
  const fields = message === null ? PACKET : { ...PACKET, type: 7, capture: pack(message) };
  const bytes = writeRecord(RECORD_LAYOUT, { ...fields, ...more });
  const record = new RecordCursor(RECORD_LAYOUT);
  record.moveTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  return parseFilter(new URLSearchParams(query)).predicate(names)(record);
}

describe('filters by message', () => {
  it.each([
    ['http-status=200', true],
    ['http-status=404,2%2B', true],
    ['http-status=20%2B', true],
    ['http-status=2xx', true],
    ['http-status=20x', true],
    ['http-status=5%2B', false],
    ['http-method=get', true],
    ['http-method=POST', false],
    ['http-path=^/v1/price$', true],
    ['http-path=sku', false],
    ['http-path=^/v[0-9]{1,3}/', true],
    ['http-url=sku$', true],
    ['http-header=X-Request-Id:0b7e', true],
    ['http-header=x-request-id:0b7e', false],
    ['trace-id=4bf92f3577b34da6a3ce929d0e0e4736', true],
    ['trace-id=4bf9', false],
    ['dns-query=example', false],
    ['type=l7', true],
    ['type=129', true],
    ['type=trace', false],
    ['protocol=http', true],
    ['protocol=tcp', true],
    ['protocol=dns,kafka', false],
    ['not.http-status=5xx', true],
    ['not.protocol=http', false],
    ['http-status=200&http-method=PUT', false],
  ])('%s: %s', (query, expected) => {
    expect(matches(query)).toBe(expected);
  });

  it('find nothing in what is no message', () => {
    expect(matches('http-status=2xx', null)).toBe(false);
    expect(matches('type=l7', null)).toBe(false);
    expect(matches('protocol=http', null)).toBe(false);
    expect(matches('http-path=.', null, { type: 7, capture: Buffer.from([0xc1]) })).toBe(false);
  });

  it('know requests have no status', () => {
    expect(matches('http-status=1%2B,2%2B,3%2B,4%2B,5%2B', requestOf(HTTP_RESPONSE))).toBe(false);
  });

  it.each(['dns-query=^api\\..*\\.$', 'protocol=dns', 'dns-query=(?i)EXAMPLE'])('%s finds DNS', (query) => {
    expect(matches(query, DNS_RESPONSE)).toBe(true);
  });

  it('take gRPC and HTTP/2 for http', () => {
    const message: L7Message = { ...HTTP_RESPONSE, protocol: 'grpc', grpc: { service: 'a.B', method: 'C' } };
    expect([matches('protocol=http', message), matches('protocol=http2', message)]).toEqual([true, false]);
  });
});

describe('filters by DNS name', () => {
  it.each([
    ['to-fqdn=api.example.com', true],
    ['to-fqdn=*.example.com', true],
    ['fqdn=API.example.com.', true],
    ['to-fqdn=example.com', false],
    ['to-fqdn=*', true],
    ['from-fqdn=*', false],
    ['not.fqdn=*.example.com', false],
  ])('%s: %s', (query, expected) => {
    expect(matches(query, null)).toBe(expected);
  });

  it('find IPv6 addresses however they were written', () => {
    expect(matches('to-fqdn=six.*', null, { family: 6, destination: '2001:db8::1' })).toBe(true);
  });

  it('leave out what has a name of its own', () => {
    expect(matches('to-fqdn=*', null, { destination_endpoint: 17 })).toBe(false);
  });
});

describe('faulty filters by message', () => {
  it.each([
    ['http-status=6xx', /404/],
    ['http-status=2000', /404/],
    ['http-path=(', /RE2/],
    ['http-path=(?=a)', /RE2/],
    ['dns-query=(a)\\1', /RE2/],
    [`http-url=${'a'.repeat(501)}`, /RE2/],
    ['http-url=((a{1,30}){1,30})', /RE2/],
    ['http-header=Host', /KEY:VALUE/],
    ['fqdn=..', /names of letters/],
    ['fqdn=a b', /names of letters/],
    ['type=trace&http-status=200', /requires the event type filter to only match 'l7' events/],
  ])('%s', (query, message) => {
    expect(() => parseFilter(new URLSearchParams(query))).toThrow(FilterError);
    expect(() => parseFilter(new URLSearchParams(query))).toThrow(message);
  });

  it('take no longer than the text, whatever the expression', () => {
    const message: L7Message = { ...HTTP_RESPONSE, http: { ...HTTP_RESPONSE.http!, url: `/${'a'.repeat(1000)}` } };
    const started = performance.now();
    expect(matches('http-url=(a*)*b', message)).toBe(false);
    expect(matches('fqdn=*a*a*a*a*a*a*b', null)).toBe(false);
    // JavaScript's own would need longer than the universe has.
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
