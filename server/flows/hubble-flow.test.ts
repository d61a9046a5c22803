import { describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../wire/hubble.ts';
import { SOURCE_FILE } from '../wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { AgentDictionary } from './dictionary.ts';
import { csvFormat } from './flow-csv.ts';
import { flowLine } from './flow-text.ts';
import { flowPlace, sessionKey, sessionUuids } from './flow-uuid.ts';
import { toHubbleFlow } from './hubble-flow.ts';
import { layoutProblem, RecordCursor } from './record.ts';
import { type RecordFields, writeRecord } from './record-writer.ts';

const { header: CSV_HEADER, row: csvRow } = csvFormat(() => true);

const names = new AgentDictionary('node-a');
names.apply(
  {
    snapshot: true,
    endpoints: [
      {
        ref: 16,
        kind: 'pod',
        namespace: 'shop',
        name: 'web-1',
        addresses: ['10.1.0.16'],
        identity: 300,
        labels: ['k8s:app=web'],
        workload: { name: 'web', kind: 'Deployment' },
        created: '2026-03-04T10:00:00Z',
      },
    ],
    services: [{ id: 5, namespace: 'shop', name: 'cart', addresses: ['10.96.0.5'], ports: [], backends: [] }],
    identities: [{ identity: 301, labels: ['k8s:app=cart'] }],
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

function flowOf(fields: RecordFields): HubbleFlow {
  const bytes = writeRecord(RECORD_LAYOUT, fields);
  const cursor = new RecordCursor(RECORD_LAYOUT).moveTo(
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    0,
  );
  return toHubbleFlow(cursor, {
    names,
    clockOffsetNs: 1_772_619_330_000_000_000n,
    uuid: 'u',
    emitter: { name: 'Spyglass', version: '0.1.0' },
  });
}

const SYN: RecordFields = {
  type: 1,
  verdict: 1,
  observation_point: 101,
  direction: 2,
  flags: 2,
  family: 4,
  protocol: 6,
  tcp_flags: 2,
  time_ns: 123_456_789,
  connection_id: 0x1234_5678_9abc_def0n,
  source: '10.1.0.16',
  destination: '10.1.0.17',
  original: '10.96.0.5',
  original_port: 80,
  source_port: 40_000,
  destination_port: 8080,
  service_id: 5,
  backend_id: 9,
  source_identity: 300,
  destination_identity: 301,
  source_endpoint: 16,
  interface: 17,
  path: 0b1111,
  rtt_ns: 1000,
  packets: 1,
  bytes: 60,
};

describe('a forwarded request', () => {
  it('is written in declaration order, without defaults', () => {
    expect(JSON.stringify(flowOf(SYN))).toBe(
      '{"time":"2026-03-04T10:15:30.123456789Z","uuid":"u","emitter":{"name":"Spyglass","version":"0.1.0"},' +
        '"verdict":"FORWARDED","IP":{"source":"10.1.0.16","destination":"10.1.0.17","ipVersion":"IPv4"},' +
        '"l4":{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true}}},' +
        '"source":{"ID":16,"identity":300,"cluster_name":"default","namespace":"shop","labels":["k8s:app=web"],' +
        '"pod_name":"web-1","workloads":[{"name":"web","kind":"Deployment"}]},' +
        '"destination":{"identity":301,"labels":["k8s:app=cart"]},"Type":"L3_L4","node_name":"node-a",' +
        '"event_type":{"type":4},"destination_service":{"name":"cart","namespace":"shop"},' +
        '"traffic_direction":"EGRESS","trace_observation_point":"TO_ENDPOINT","trace_reason":"NEW","is_reply":false,' +
        '"interface":{"index":17},"Summary":"TCP Flags: SYN",' +
        '"extensions":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"spyglass":{"event":"NEW",' +
        '"connection_id":"1311768467463790320","packets":1,"bytes":60,"reply_packets":0,"reply_bytes":0,' +
        '"rtt_ns":1000,"path":["PARSE","SOURCE_CHECK","FLOW_CACHE","SERVICE"],"service_id":5,"backend_id":9,' +
        '"original":{"ip":"10.96.0.5","port":80},"drop":null,"policy":null}}}}',
    );
  });

  it('reads as a line like those of hubble observe', () => {
    const flow = flowOf(SYN);
    expect(flowLine({ flow, node_name: 'node-a', time: flow.time })).toBe(
      'Mar  4 10:15:30.123: shop/web-1:40000 (ID:300) -> shop/cart:8080 (ID:301) to-endpoint FORWARDED (TCP Flags: SYN)',
    );
  });

  it('is a row of CSV', () => {
    const row = csvRow(flowOf(SYN));
    expect(row).toContain(
      '2026-03-04T10:15:30.123456789Z,node-a,NEW,FORWARDED,,EGRESS,false,TCP,10.1.0.16,40000,shop,web-1',
    );
    expect(row.split(',')).toHaveLength(CSV_HEADER.split(',').length);
  });
});

describe('other flows', () => {
  it('a reply has its service at the source, and points back', () => {
    const flow = flowOf({ ...SYN, type: 2, flags: 3, tcp_flags: 0x12, source_endpoint: 0, destination_endpoint: 16 });
    expect(flow).toMatchObject({
      reply: true,
      is_reply: true,
      trace_reason: 'REPLY',
      source_service: { name: 'cart', namespace: 'shop' },
      Summary: 'TCP Flags: SYN, ACK',
    });
    expect(flow.destination_service).toBeUndefined();
    expect(flowLine({ flow, node_name: '', time: flow.time })).toContain('shop/web-1:8080 (ID:301) <- shop/cart:40000');
  });

  it('a drop names reason, stage and line, and is no known reply', () => {
    const flow = flowOf({
      ...SYN,
      type: 5,
      verdict: 2,
      flags: 0,
      drop_reason: 158,
      drop_stage: 3,
      drop_line: 77,
      drop_file: SOURCE_FILE.FLOW_CACHE,
      suppressed: 4,
      observation_point: 5,
    });
    expect(flow).toMatchObject({
      verdict: 'DROPPED',
      drop_reason: 158,
      event_type: { type: 1, sub_type: 158 },
      file: { name: 'bpf/lib/flow_cache.h', line: 77 },
      drop_reason_desc: 'SERVICE_BACKEND_NOT_FOUND',
      extensions: { value: { spyglass: { drop: { stage: 'SERVICE', line: 77, suppressed: 4 } } } },
    });
    expect(flow).not.toHaveProperty('is_reply');
    expect(flow).not.toHaveProperty('trace_observation_point');
    expect(flowLine({ flow, node_name: '', time: flow.time })).toMatch(/<> .* Service has no backend DROPPED/);
  });

  it.each([
    [{ protocol: 1, source_port: 8, destination_port: 0 }, 'ICMPv4 EchoRequest', { ICMPv4: { type: 8 } }],
    [{ protocol: 1, source_port: 0, destination_port: 0 }, 'ICMPv4 EchoReply', { ICMPv4: {} }],
    [
      { protocol: 1, source_port: 3, destination_port: 3 },
      'ICMPv4 DestinationUnreachable(Port)',
      { ICMPv4: { type: 3, code: 3 } },
    ],
    [{ protocol: 58, source_port: 128, destination_port: 0 }, 'ICMPv6 EchoRequest', { ICMPv6: { type: 128 } }],
    [{ protocol: 17 }, 'UDP', { UDP: { source_port: 40_000, destination_port: 8080 } }],
  ])('%j', (fields, summary, l4) => {
    expect(flowOf({ ...SYN, ...fields })).toMatchObject({ Summary: summary, l4 });
  });

  it('the world has its reserved label', () => {
    const flow = flowOf({ ...SYN, destination: '2001:db8::7', family: 6, destination_identity: 2 });
    expect(flow.destination).toEqual({ identity: 2, labels: ['reserved:world'] });
    expect(flow.IP).toEqual({ source: '10.1.0.16', destination: '2001:db8::7', ipVersion: 'IPv6' });
  });

  it('numbers that no list knows stay numbers', () => {
    expect(flowOf({ ...SYN, type: 77, verdict: 99, observation_point: 50 })).toMatchObject({
      verdict: 99,
      trace_observation_point: 50,
      extensions: { value: { spyglass: { event: '77' } } },
    });
  });
});

describe('helpers', () => {
  it('text never carries control characters to a terminal', () => {
    const flow = flowOf(SYN);
    flow.source.pod_name = 'web\u001b[31m';
    expect(flowLine({ flow, node_name: '', time: flow.time })).toContain('web\\u001b[31m');
  });

  it('prints lost events', () => {
    const lost = { source: 'HUBBLE_RING_BUFFER', num_events_lost: '12' };
    expect(flowLine({ lost_events: lost, node_name: '', time: '2026-03-04T10:15:30Z' })).toBe(
      'Mar  4 10:15:30.000 EVENTS LOST: HUBBLE_RING_BUFFER 12',
    );
  });

  it('quotes CSV', () => {
    const flow = flowOf(SYN);
    flow.source.pod_name = '=a"b';
    expect(csvRow(flow)).toContain(`,"'=a""b",`);
  });

  it.each([
    [sessionKey('node-a', 's1'), 0],
    [0xffff_ffff_ffff_ffffn, 2 ** 48 - 1],
    [1n, 2 ** 40],
  ])('makes UUIDs that tell session %s and place %s', (session, sequence) => {
    const uuid = sessionUuids(session)(sequence);
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(flowPlace(uuid)).toEqual({ session, sequence });
  });

  it('knows UUIDs that are none of a flow', () => {
    expect(flowPlace('a3c9d7f0-0000-4000-8000-000000000001')).toBeNull();
    expect(flowPlace('x')).toBeNull();
  });

  it('tells what is wrong with a layout', () => {
    expect(layoutProblem(RECORD_LAYOUT)).toBeNull();
    expect(layoutProblem({ ...RECORD_LAYOUT, size: 7 })).toContain('7 bytes');
    const { verdict: _, ...fields } = RECORD_LAYOUT.fields;
    expect(layoutProblem({ ...RECORD_LAYOUT, fields })).toContain('"verdict"');
    const wide = { ...RECORD_LAYOUT.fields, type: { offset: 0, size: 2, type: 'u16' } } as const;
    expect(layoutProblem({ ...RECORD_LAYOUT, fields: wide })).toContain('"type"');
    const far = { ...RECORD_LAYOUT.fields, type: { offset: RECORD_LAYOUT.size, size: 1, type: 'u8' } } as const;
    expect(layoutProblem({ ...RECORD_LAYOUT, fields: far })).toContain('outside');
  });
});
