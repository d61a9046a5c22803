/** The messages of the Hubble API against the JSON export, through bytes read by an independent table. */
import { pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../wire/hubble.ts';
import type { L7Message } from '../../wire/l7.ts';
import { DROP_REASON, OBSERVATION_POINT, SOURCE_FILE, VERDICT } from '../../wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { toHubbleFlow } from '../../flows/hubble-flow.ts';
import { DNS_RESPONSE, HTTP_RESPONSE, requestOf } from '../../flows/l7/testing/messages.ts';
import { RecordCursor } from '../../flows/record.ts';
import { type RecordFields, writeRecord } from '../../flows/record-writer.ts';
import { DICTIONARY, DROP, flow } from '../testing/hub-bed.ts';
import { fieldMask } from '../field-mask.ts';
import { flowMessage, messageTime } from './flow-message.ts';
import { OBSERVER } from './protocol.ts';
import { readWire } from './testing/read-wire.ts';

const names = new AgentDictionary('node-a');
names.apply(
  {
    ...DICTIONARY,
    endpoints: DICTIONARY.endpoints.map((it) => ({ ...it, labels: ['k8s:app=x', `k8s:name=${it.name}`] })),
    rules: [
      { ref: 7, kind: 'NetworkPolicy', namespace: 'shop', name: 'allow-web', index: 0 },
      { ref: 8, default: true, audit: false, policies: [{ namespace: 'shop', name: 'deny' }] },
    ] as never,
  },
  1,
);
names.dns.add({ address: '203.0.113.7', name: 'pay.example.net' });

function flowOf(fields: RecordFields): HubbleFlow {
  const bytes = writeRecord(RECORD_LAYOUT, { time_ns: 123_456_789, ...fields });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return toHubbleFlow(new RecordCursor(RECORD_LAYOUT).moveTo(view, 0), {
    names,
    clockOffsetNs: 1_772_619_330_000_000_000n,
    uuid: 'u',
    emitter: { name: 'Spyglass', version: '0.1.0' },
  });
}

/** Through the encoder and back, by the table. */
function overTheWire(flow: Partial<HubbleFlow>): unknown {
  const time = flow.time === undefined ? undefined : messageTime(flow.time);
  const message = { flow: flowMessage(flow), node_name: flow.node_name, time };
  return readWire('observer.GetFlowsResponse', OBSERVER['GetFlows']!.responseSerialize(message));
}

/** What JSON readers see: no defaults. Empty texts and zeros are there in some of our JSON, and never on the wire. */
function asJson(flow: Partial<HubbleFlow>): unknown {
  return JSON.parse(JSON.stringify({ flow, node_name: flow.node_name, time: flow.time }));
}

function message(protocol: L7Message['protocol'], more: object): RecordFields {
  return flow({ type: 7, capture: pack({ kind: 'RESPONSE', protocol, route: 'r', latency_ns: 1_999_999, ...more }) });
}

const FIXTURES: Record<string, RecordFields> = {
  'a request': flow({
    packets: 3,
    rtt_ns: 1000,
    path: 0b1111,
    original: '10.96.0.5',
    original_port: 80,
    interface: 17,
  }),
  'a reply': flow({ type: 2, flags: 3, tcp_flags: 0x12 }),
  'all TCP flags': flow({ tcp_flags: 0xff }),
  'a drop': { ...DROP, drop_line: 77, drop_file: SOURCE_FILE.FLOW_CACHE, suppressed: 4, drop_stage: 3 },
  'a drop by policy': { ...DROP, drop_reason: DROP_REASON.POLICY_DENIED, ingress_rule: 8 },
  'what a policy allowed': flow({ ingress_rule: 7, ingress_match: 2, egress_rule: 7, egress_match: 1, direction: 1 }),
  'ICMPv4 echo': flow({ protocol: 1, source_port: 8, destination_port: 0 }),
  'ICMPv4 echo reply': flow({ protocol: 1, source_port: 0, destination_port: 0 }),
  'ICMPv6 echo': flow({ protocol: 58, source_port: 128, destination_port: 0, family: 6 }),
  UDP: flow({ protocol: 17 }),
  SCTP: flow({ protocol: 132 }),
  'the world': flow({ destination: '2001:db8::7', family: 6, destination_endpoint: 0, destination_identity: 2 }),
  'a name of the world': flow({ source: '203.0.113.7', source_endpoint: 0, source_identity: 2 }),
  'numbers without names': flow({ type: 77, verdict: 99, observation_point: 50 }),
  'large numbers': flow({ bytes: 2 ** 45, connection_id: 0x1234_5678_9abc_def0n, source_identity: 2 ** 32 - 1 }),
  'an HTTP request': flow({ type: 7, capture: pack(requestOf(HTTP_RESPONSE)) }),
  'an HTTP response': flow({ type: 7, flags: 3, capture: pack(HTTP_RESPONSE) }),
  'a DNS query': flow({ type: 7, capture: pack(requestOf(DNS_RESPONSE)) }),
  'a DNS answer': flow({ type: 7, capture: pack(DNS_RESPONSE) }),
  'a DNS answer without such a name': message('dns', {
    dns: { query: 'x.', qtypes: ['A', 'AAAA'], rcode: 3, cnames: ['a.', 'b.'], transport: 'UDP' },
  }),
  Kafka: message('kafka', {
    kafka: { api_key: 'produce', api_version: 9, correlation_id: 7, topic: 'orders', error_code: -1 },
  }),
  Redis: message('redis', { redis: { command: 'INCR', error: 'WRONGTYPE' } }),
  SQL: message('postgresql', { is_error: true, sql: { kind: 'SELECT', statement: 'SELECT ?', error: '42P01' } }),
  'bytes that are no message': flow({ type: 7, capture: Buffer.from([0xc1]) }),
};

describe('a flow of the Hubble API is that of the JSON export', () => {
  it.each(Object.entries(FIXTURES))('%s', (_what, fields) => {
    const flow = flowOf(fields);
    expect(overTheWire(flow)).toEqual(asJson(flow));
  });

  it.each([
    ...Object.values(VERDICT).map((verdict) => ({ verdict })),
    ...Object.values(OBSERVATION_POINT).map((observation_point) => ({ observation_point })),
    ...Object.values(DROP_REASON)
      .filter((reason) => reason < 224)
      .map((reason) => ({ ...DROP, drop_reason: reason })),
  ])('%j', (fields) => {
    const it = flowOf(flow(fields));
    expect(overTheWire(it)).toEqual(asJson(it));
  });

  it('reasons that are ours alone travel as numbers', () => {
    const sent = overTheWire(flowOf({ ...DROP, drop_reason: DROP_REASON.DENY_LIST })) as { flow: HubbleFlow };
    expect(sent.flow.drop_reason_desc).toBe(DROP_REASON.DENY_LIST);
    expect(flowOf({ ...DROP, drop_reason: DROP_REASON.DENY_LIST }).drop_reason_desc).toBe('DENY_LIST');
  });
});

describe('a field mask', () => {
  const request = flowOf(FIXTURES['a request']!);
  const masked = (...paths: string[]): unknown => overTheWire(fieldMask(paths)!.keep(request));

  it('keeps what it names, and the message around it', () => {
    expect(masked('source.pod_name', 'l4.TCP.destination_port')).toEqual({
      flow: { source: { pod_name: 'web-1' }, l4: { TCP: { destination_port: 8080 } } },
    });
    expect(masked('file.name', 'l4.UDP.source_port', 'l7.http.code')).toEqual({ flow: { file: {}, l4: {}, l7: {} } });
    expect(masked('source.ID', 'source', 'time')).toEqual({
      flow: { source: request.source, time: request.time },
      time: request.time,
    });
  });

  it('of the hubble command has the rest that its text shows', () => {
    const text =
      'time,verdict,ethernet,IP,l4,source.identity,source.namespace,source.pod_name,destination.identity,destination.namespace,destination.pod_name,Type,node_name,l7,event_type,source_service,destination_service,is_reply,Summary,ip_trace_id';
    const flow = (masked(...text.split(',')) as { flow: HubbleFlow }).flow;
    expect(flow).toMatchObject({ traffic_direction: 'EGRESS', node_name: 'node-a', Summary: 'TCP Flags: SYN' });
    expect(flow).not.toHaveProperty('uuid');
    expect(flow.source).toEqual({ identity: 300, namespace: 'shop', pod_name: 'web-1' });
    expect(masked('verdict', 'traffic_direction')).toEqual({
      flow: { verdict: 'FORWARDED', traffic_direction: 'EGRESS' },
    });
  });

  it.each(['nothing', 'source.', '', 'source.workloads.name', 'time.seconds', 'is_reply.value', 'ip', '__proto__'])(
    'refuses %j',
    (path) => {
      expect(() => fieldMask([path])).toThrow(/no such field/);
    },
  );
});
