import { pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../wire/hubble.ts';
import { type L7Message, MAX_L7_TEXT, MAX_MESSAGE_BYTES } from '../../wire/l7.ts';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { AgentDictionary } from '../dictionary.ts';
import { csvFormat } from '../flow-csv.ts';
import { flowLine } from '../flow-text.ts';
import { toHubbleFlow } from '../hubble-flow.ts';
import { RecordCursor } from '../record.ts';
import { type RecordFields, writeRecord } from '../record-writer.ts';
import { messageSummary, traceId } from './hubble-l7.ts';
import { readMessage } from './message.ts';
import { DNS_RESPONSE, HTTP_RESPONSE, requestOf } from './testing/messages.ts';

const { header: CSV_HEADER, row: csvRow } = csvFormat(() => true);

const names = new AgentDictionary('node-a');
names.dns.add({ address: '203.0.113.7', name: 'Pay.Example.net.' });

/** From the world's pay.example.net:443 to a pod. */
function flowOf(capture: Buffer, fields: RecordFields = {}): HubbleFlow {
  const ends = { source: '203.0.113.7', destination: '10.1.0.16', source_port: 443, destination_port: 40_000 };
  const record = {
    type: 7,
    verdict: 1,
    observation_point: 101,
    direction: 2,
    flags: 3,
    family: 4,
    protocol: 6,
    ...ends,
  };
  const bytes = writeRecord(RECORD_LAYOUT, { ...record, source_identity: 2, capture, ...fields });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return toHubbleFlow(new RecordCursor(RECORD_LAYOUT).moveTo(view, 0), {
    names,
    clockOffsetNs: 1_772_619_332_500_000_000n,
    uuid: 'u',
    emitter: { name: 'Spyglass', version: '0.1.0' },
  });
}

describe('a message as a Hubble flow', () => {
  it('has the shape of an HTTP response', () => {
    const flow = flowOf(pack(HTTP_RESPONSE));
    expect(flow).toMatchObject({
      Type: 'L7',
      event_type: { type: 129 },
      reply: true,
      is_reply: true,
      traffic_direction: 'EGRESS',
      source_names: ['pay.example.net'],
      trace_context: { parent: { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' } },
      Summary: 'HTTP/1.1 200 3ms (GET http://cart:8080/v1/price?sku)',
      extensions: { value: { spyglass: { event: 'L7', l7: { protocol: 'http', route: 'GET /v1/price' } } } },
    });
    expect(flow.l7).toEqual({
      type: 'RESPONSE',
      latency_ns: '3214000',
      http: {
        code: 200,
        method: 'GET',
        url: 'http://cart:8080/v1/price?sku',
        protocol: 'HTTP/1.1',
        headers: [
          { key: 'Traceparent', value: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
          { key: 'X-Request-Id', value: '0b7e' },
        ],
      },
    });
    for (const key of ['trace_reason', 'trace_observation_point', 'destination_names'])
      expect(flow).not.toHaveProperty(key);
    expect(flow.l4).toEqual({ TCP: { source_port: 443, destination_port: 40_000 } });
  });

  it('has the shape of a DNS response, and of its query', () => {
    expect(flowOf(pack(DNS_RESPONSE)).l7?.dns).toEqual({
      query: 'api.example.com.',
      ips: ['203.0.113.7'],
      ttl: 30,
      observation_source: 'datapath',
      qtypes: ['A'],
      rrtypes: ['A'],
    });
    expect(flowOf(pack(requestOf(DNS_RESPONSE))).l7).toEqual({
      type: 'REQUEST',
      dns: { query: 'api.example.com.', observation_source: 'datapath', qtypes: ['A'] },
    });
  });

  it('keeps what Hubble has no field for in the extension', () => {
    const sql: L7Message = {
      kind: 'RESPONSE',
      protocol: 'postgresql',
      route: 'SELECT ?',
      is_error: true,
      latency_ns: 5,
      sql: { kind: 'SELECT', statement: 'SELECT ?', error: '42P01' },
    };
    const flow = flowOf(pack(sql));
    expect(flow.l7).toEqual({ type: 'RESPONSE', latency_ns: '5' });
    expect(flow.extensions?.value.spyglass.l7).toEqual({
      protocol: 'postgresql',
      route: 'SELECT ?',
      is_error: true,
      latency_ns: 5,
      sql: { kind: 'SELECT', statement: 'SELECT ?', error: '42P01' },
    });
  });

  it('is a line of text and a row of CSV', () => {
    const flow = flowOf(pack(HTTP_RESPONSE));
    expect(flowLine({ flow, node_name: '', time: flow.time })).toBe(
      'Mar  4 10:15:32.500: 10.1.0.16:40000 (unknown) <- pay.example.net:443 (world) http-response FORWARDED (HTTP/1.1 200 3ms (GET http://cart:8080/v1/price?sku))',
    );
    const columns = CSV_HEADER.trim().split(',');
    const row = csvRow(flow).trim().split(',');
    const of = (name: string): string | undefined => row[columns.indexOf(name)];
    expect([of('l7_protocol'), of('latency_ns'), of('http_status'), of('l7_route')]).toEqual([
      'http',
      '3214000',
      '200',
      'GET /v1/price',
    ]);
  });

  it.each([
    ['no MessagePack', Buffer.from([0xc1, 1, 2])],
    ['nothing', Buffer.alloc(0)],
    ['another shape', pack({ kind: 'RESPONSE' })],
    ['cut short', pack(HTTP_RESPONSE).subarray(0, 40)],
  ])('is shown without l7 if its bytes are %s', (_what, capture) => {
    const flow = flowOf(capture);
    expect(flow).toMatchObject({ Type: 'L7', event_type: { type: 129 }, Summary: 'TCP Flags: ' });
    expect(flow).not.toHaveProperty('l7');
    expect(flow.extensions?.value.spyglass).not.toHaveProperty('l7');
  });
});

describe('readMessage', () => {
  const withUrl = (length: number): Buffer =>
    pack({ ...HTTP_RESPONSE, http: { ...HTTP_RESPONSE.http, url: 'x'.repeat(length) } });

  it('takes texts of two that a peer wrote, and no longer ones', () => {
    expect(readMessage(withUrl(2 * MAX_L7_TEXT))).not.toBeNull();
    expect(readMessage(withUrl(2 * MAX_L7_TEXT + 1))).toBeNull();
  });

  it('refuses more bytes than a message may have', () => {
    expect(readMessage(Buffer.alloc(MAX_MESSAGE_BYTES + 1))).toBeNull();
  });
});

describe('messageSummary', () => {
  const dns = (change: object): L7Message => ({ ...DNS_RESPONSE, dns: { ...DNS_RESPONSE.dns!, ...change } });
  const own = (protocol: L7Message['protocol'], change: object): L7Message => ({
    kind: 'RESPONSE',
    protocol,
    route: 'r',
    latency_ns: 1_999_999,
    ...change,
  });
  it.each<[string, L7Message]>([
    ['HTTP/1.1 GET http://cart:8080/v1/price?sku', requestOf(HTTP_RESPONSE)],
    ['DNS Query api.example.com. A', requestOf(DNS_RESPONSE)],
    ['DNS Answer "203.0.113.7" TTL: 30 (Query api.example.com. A)', DNS_RESPONSE],
    ['DNS Answer "203.0.113.7" CNAMEs: "a.,b." TTL: 30 (Query api.example.com. A)', dns({ cnames: ['a.', 'b.'] })],
    [
      'DNS Answer RCode: Non-Existent Domain TTL: 4294967295 (Query api.example.com. A)',
      { ...DNS_RESPONSE, dns: { query: 'api.example.com.', qtypes: ['A'], rcode: 3, transport: 'UDP' } },
    ],
    [
      "Kafka response produce correlation id 7 topic 'orders' return code 0",
      own('kafka', { kafka: { api_key: 'produce', api_version: 9, correlation_id: 7, topic: 'orders' } }),
    ],
    ['Redis WRONGTYPE 1.99ms (INCR)', own('redis', { redis: { command: 'INCR', error: 'WRONGTYPE' } })],
    ['Redis OK 0.05ms (GET)', own('redis', { redis: { command: 'GET' }, latency_ns: 50_367 })],
    ['MySQL OK 1.99ms (SELECT ?)', own('mysql', { sql: { kind: 'SELECT', statement: 'SELECT ?', error: '' } })],
    [
      'TLS ServerHello pay.example.net TLS 1.3 ALPN h2',
      own('tls', { tls: { sni: 'pay.example.net', alpn: ['h2'], version: 'TLS 1.3' } }),
    ],
  ])('%s', (words, message) => {
    expect(messageSummary(message)).toBe(words);
  });
});

describe('traceId', () => {
  const withHeader = (value: string): L7Message => ({
    ...HTTP_RESPONSE,
    http: { ...HTTP_RESPONSE.http!, headers: [{ key: 'traceparent', value }] },
  });
  it.each([
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', null],
    ['nonsense', null],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '4bf92f3577b34da6a3ce929d0e0e4736'],
  ])('of %s is %s', (header, id) => {
    expect(traceId(withHeader(header))).toBe(id);
  });
});
