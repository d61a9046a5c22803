import { beforeAll, describe, expect, it } from 'vitest';
import type { EndpointEntry } from '../wire/agent.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { AgentDictionary } from './dictionary.ts';
import { parseFilter } from './filter.ts';
import { FilterError } from './filter-test.ts';
import { RecordCursor } from './record.ts';
import { type RecordFields, writeRecord } from './record-writer.ts';

function endpoint(ref: number, namespace: string, name: string, workload: string): EndpointEntry {
  return {
    ref,
    kind: namespace === '' ? 'host' : 'pod',
    namespace,
    name,
    addresses: [],
    identity: 300 + ref,
    labels: [`k8s:app=${workload}`],
    workload: workload === '' ? null : { name: workload, kind: 'Deployment' },
    created: '2026-03-04T10:00:00Z',
  };
}

const names = new AgentDictionary('node-a');
const cursor = new RecordCursor(RECORD_LAYOUT);

beforeAll(() => {
  names.apply(
    {
      snapshot: true,
      endpoints: [
        endpoint(16, 'shop', 'web-1', 'web'),
        endpoint(17, 'shop', 'cart-1', 'cart'),
        endpoint(18, 'lab', 'web-1', 'web'),
        endpoint(19, 'default', 'solo', ''),
        endpoint(1, '', 'node-a', ''),
      ],
      services: [{ id: 5, namespace: 'shop', name: 'cart', addresses: ['10.96.0.5'], ports: [], backends: [17] }],
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
});

/** web-1:40000 -> cart-1:8080 through the service shop/cart, forwarded at the pod. */
const REQUEST: RecordFields = {
  type: 1,
  verdict: 1,
  observation_point: 101,
  direction: 2,
  flags: 2,
  family: 4,
  protocol: 6,
  tcp_flags: 2,
  source: '10.1.0.16',
  destination: '10.1.0.17',
  source_port: 40_000,
  destination_port: 8080,
  source_endpoint: 16,
  destination_endpoint: 17,
  source_identity: 316,
  destination_identity: 317,
  service_id: 5,
};
const DROP: RecordFields = {
  ...REQUEST,
  type: 5,
  verdict: 2,
  drop_reason: 158,
  flags: 0,
  observation_point: 0,
  destination_endpoint: 0,
};
const PING: RecordFields = { ...REQUEST, protocol: 1, source_port: 8, destination_port: 0 };

function matches(query: string, record: RecordFields): boolean {
  const bytes = writeRecord(RECORD_LAYOUT, record);
  cursor.moveTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  return parseFilter(new URLSearchParams(query)).predicate(names)(cursor);
}

describe('filters of a forwarded request', () => {
  it.each([
    ['', true],
    ['namespace=shop', true],
    ['namespace=lab', false],
    ['namespace=lab,shop', true],
    ['namespace=lab&namespace=shop', true],
    ['from-namespace=shop&to-namespace=shop', true],
    ['not.namespace=shop', false],
    ['not.namespace=lab', true],
    ['pod=shop/web', true],
    ['pod=shop/', true],
    ['pod=/cart', true],
    ['pod=web', false],
    ['pod=web&namespace=shop', true],
    ['pod=web&namespace=lab', false],
    ['to-pod=shop/web', false],
    ['from-pod=shop/web-1', true],
    ['pod=shop/nobody', false],
    ['pod=shop/web&port=8080', false],
    ['pod=shop/cart&port=8080', true],
    ['workload=web', true],
    ['workload=Deployment/cart', true],
    ['workload=StatefulSet/', false],
    ['to-workload=web', false],
    ['service=shop/cart', true],
    ['to-service=shop/cart', true],
    ['from-service=shop/cart', false],
    ['ip=10.1.0.17', true],
    ['from-ip=10.1.0.16/32', true],
    ['from-ip=10.1.0.17', false],
    ['ip=10.0.0.0/8', true],
    ['port=8080', true],
    ['from-port=8080', false],
    ['protocol=tcp', true],
    ['protocol=udp,icmp', false],
    ['verdict=forwarded', true],
    ['not.verdict=DROPPED', true],
    ['drop-reason=SERVICE_BACKEND_NOT_FOUND', false],
    ['type=trace', true],
    ['type=trace:to-endpoint', true],
    ['type=trace:from-endpoint', false],
    ['type=drop', false],
    ['type=l7', false],
    ['traffic-direction=egress', true],
    ['traffic-direction=ingress', false],
    ['node-name=node-a', true],
    ['node-name=node-*', true],
    ['node-name=default/', true],
    ['node-name=other/', false],
    ['identity=317', true],
    ['to-identity=world', false],
    ['reply=false', true],
    ['reply=true', false],
    ['not.pod=shop/web&not.port=1', false],
    ['verdict=FORWARDED&to-port=80', false],
  ])('%s: %s', (query, expected) => {
    expect(matches(query, REQUEST)).toBe(expected);
  });
});

describe('filters of other records', () => {
  it.each([
    ['verdict=DROPPED', DROP, true],
    ['drop-reason=service-backend-not-found', DROP, true],
    ['type=drop:service-backend-not-found', DROP, true],
    ['type=policy-verdict', REQUEST, false],
    ['type=policy-verdict', { ...REQUEST, ingress_rule: 7 }, true],
    ['type=5', { ...REQUEST, verdict: 4, egress_rule: 7 }, true],
    ['type=policy-verdict', { ...REQUEST, type: 4, ingress_rule: 7 }, false],
    ['type=policy-verdict', DROP, false],
    ['type=policy-verdict', { ...DROP, drop_reason: 133, ingress_rule: 7 }, true],
    ['type=1:158', DROP, true],
    ['reply=false', DROP, true],
    ['port=8', PING, false],
    ['protocol=icmp', PING, true],
    ['service=shop/cart', { ...REQUEST, flags: 3 }, true],
    ['from-service=shop/cart', { ...REQUEST, flags: 3 }, true],
    ['pod=/', { ...REQUEST, source_endpoint: 1, destination_endpoint: 0 }, false],
  ] as [string, RecordFields, boolean][])('%s', (query, record, expected) => {
    expect(matches(query, record)).toBe(expected);
  });

  it('follows changes of the names', () => {
    const filter = parseFilter([['pod', 'new/']]);
    const bytes = writeRecord(RECORD_LAYOUT, { ...REQUEST, source_endpoint: 99 });
    cursor.moveTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
    expect(filter.predicate(names)(cursor)).toBe(false);
    names.apply(
      {
        snapshot: false,
        endpoints: [endpoint(99, 'new', 'late', '')],
        services: [],
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
    expect(filter.predicate(names)(cursor)).toBe(true);
  });
});

describe('faulty filters', () => {
  it.each([
    ['podd=x', /"podd".*did you mean "pod"/],
    ['port=70000', /"port".*"70000".*0 to 65535/],
    ['ip=10.1', /"ip".*"10.1"/],
    ['verdict=NICE', /"verdict".*FORWARDED, DROPPED/],
    ['protocol=smtp', /"protocol".*tcp, udp/],
    ['drop-reason=BAD', /"drop-reason".*SERVICE_BACKEND_NOT_FOUND/],
    ['type=constructor', /"type"/],
    ['not.reply=maybe', /"not.reply".*true, false/],
    ['node-name=a*b*c*d*e*f', /"node-name".*four/],
    ['pod=', /"pod".*empty/],
    ['workload=a/b/c', /"workload"/],
  ])('%s', (query, message) => {
    expect(() => parseFilter(new URLSearchParams(query))).toThrow(FilterError);
    expect(() => parseFilter(new URLSearchParams(query))).toThrow(message);
  });

  it('bounds the number of values', () => {
    expect(() => parseFilter([['port', Array.from({ length: 201 }, (_, i) => i).join(',')]])).toThrow(/more than 200/);
  });
});

it('has another key for each other filter, whatever its values hold', () => {
  const asked: [string, string][][] = [
    [['namespace', 'shop&pod=shop/web']],
    [
      ['namespace', 'shop'],
      ['pod', 'shop/web'],
    ],
    [['label', 'a=1,b=2']],
    [
      ['label', 'a=1'],
      ['label', 'b=2'],
    ],
  ];
  expect(new Set(asked.map((it) => parseFilter(it).key)).size).toBe(asked.length);
});
