/** Policies over HTTP: what agents tell of them, and what records say they decided. */
import { pack } from 'msgpackr';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENT_PROTOCOL_VERSION, BATCH_HEADER, type Dictionary, KIND, type PolicyEntry } from '../wire/agent.ts';
import { RECORD_TYPE, STAGE, VERDICT } from '../wire/lists.gen.ts';
import type { PolicyDetail, PolicyList } from '../wire/policies.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { type RecordFields, writeRecord } from '../flows/record-writer.ts';
import { type RunningHub, startHub } from './hub.ts';
import { type AgentLink, Ingest } from './ingest/ingest.ts';
import { readDictionary } from './ingest/messages.ts';

const NOW = 1_772_619_330_000_000_000n;

const policy = (name: string, ingress: number[], change: Partial<PolicyEntry> = {}): PolicyEntry => ({
  namespace: 'shop',
  name,
  uid: name,
  mode: 'enforce',
  policy_types: ['Ingress'],
  endpoints: [16],
  rules: { ingress, egress: [] },
  spec: { podSelector: {} },
  warnings: [],
  ...change,
});

const rule = (ref: number, name: string, index: number) => ({
  ref,
  kind: 'NetworkPolicy' as const,
  namespace: 'shop',
  name,
  direction: 'ingress' as const,
  index,
});

function dictionary(change: Partial<Dictionary> = {}): Dictionary {
  return {
    snapshot: true,
    endpoints: [
      {
        ref: 16,
        kind: 'pod',
        namespace: 'shop',
        name: 'web-1',
        addresses: [],
        identity: 300,
        labels: [],
        workload: null,
        created: '',
      },
    ],
    services: [],
    identities: [],
    rules: [
      rule(1, 'b', 0),
      rule(2, 'b', 1),
      {
        ref: 3,
        default: true,
        direction: 'ingress',
        audit: false,
        policies: ['a', 'b'].map((name) => ({ namespace: 'shop', name })),
      },
    ],
    policies: [policy('b', [1, 2]), policy('a', [], { warnings: ['it is odd'] })],
    policy_problems: [{ namespace: 'shop', name: 'bad', message: 'bad.yaml line 3: it is bad' }],
    removed_endpoints: [],
    removed_services: [],
    removed_identities: [],
    removed_rules: [],
    removed_policies: [],
    ...change,
  };
}

let hub: RunningHub;
let ingest: Ingest;
beforeEach(async () => {
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 1 << 20,
    version: '0',
    grpc: null,
    history: null,
    log: pino({ level: 'silent' }),
  });
  ingest = new Ingest(hub.state);
});
afterEach(() => hub.close());

function connect(node: string, told = dictionary()): AgentLink {
  const versions = { protocol: AGENT_PROTOCOL_VERSION, version: '0', layout: RECORD_LAYOUT, mode: 'live' as const };
  const link = ingest.hello({ node, session: node, boot_id: 'b', counters_id: 'c', ...versions });
  ingest.connected(link, 0);
  ingest.dictionary(link, readDictionary(pack(told)));
  return link;
}

function deliver(link: AgentLink, ...records: RecordFields[]): void {
  const header = Buffer.alloc(BATCH_HEADER.size);
  header[0] = KIND.batch;
  header.writeUInt32LE(records.length, BATCH_HEADER.count);
  header.writeBigUInt64LE(BigInt(link.session.lastBatch + 1), BATCH_HEADER.number);
  header.writeBigInt64LE(NOW, BATCH_HEADER.clock_offset_ns);
  ingest.batch(link, Buffer.concat([header, ...records.map((it) => writeRecord(RECORD_LAYOUT, it))]), 0);
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${hub.url}/api/v1/policies${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

const passed = (ingress_rule: number): RecordFields => ({
  type: RECORD_TYPE.NEW,
  verdict: VERDICT.FORWARDED,
  ingress_rule,
});
const denied = (ingress_rule: number, suppressed = 0): RecordFields => ({
  type: RECORD_TYPE.DROP,
  verdict: VERDICT.DROPPED,
  drop_reason: 133,
  drop_stage: STAGE.INGRESS_POLICY,
  ingress_rule,
  egress_rule: 1,
  suppressed,
});

describe('GET /api/v1/policies', () => {
  it('lists policies of all nodes with what they decided, and those that were refused', async () => {
    const link = connect('node-a');
    connect('node-b', dictionary({ policies: [policy('b', [1, 2])] }));
    deliver(link, passed(1), passed(1), denied(3, 4), { ...passed(1), type: RECORD_TYPE.REPORT });
    const { policies, problems } = await get<PolicyList>('');
    const last_hit = '2026-03-04T10:15:30Z';
    expect(policies).toEqual([
      {
        kind: 'NetworkPolicy',
        namespace: 'shop',
        name: 'a',
        uid: 'a',
        mode: 'enforce',
        policy_types: ['Ingress'],
        pods: 1,
        rules: [],
        default: { ingress: { hits: 5, last_hit }, egress: null },
        unused: false,
        warnings: ['it is odd'],
      },
      expect.objectContaining({
        name: 'b',
        pods: 2,
        rules: [
          { direction: 'ingress', index: 0, hits: 2, last_hit, unused: false },
          { direction: 'ingress', index: 1, hits: 0, last_hit: null, unused: true },
        ],
        default: { ingress: { hits: 5, last_hit }, egress: null },
      }),
    ]);
    expect(problems).toEqual([{ namespace: 'shop', name: 'bad', message: 'bad.yaml line 3: it is bad' }]);
  });

  it('goes on counting when an agent comes back with other numbers', async () => {
    deliver(connect('node-a'), passed(2));
    const other = dictionary({ rules: [rule(7, 'b', 1)], policies: [policy('b', [8, 7])] });
    deliver(connect('node-a2', other), passed(7), passed(99));
    const { policy: found } = await get<PolicyDetail>('/shop/b');
    expect(found?.rules.map((it) => it.hits)).toEqual([0, 2]);
  });

  it('forgets a policy that an agent says is gone', async () => {
    const link = connect('node-a');
    const nothing = { endpoints: [], rules: [], policies: [] };
    const gone = [{ namespace: 'shop', name: 'a' }];
    ingest.dictionary(link, dictionary({ ...nothing, snapshot: false, removed_policies: gone, policy_problems: null }));
    const list = await get<PolicyList>('');
    expect(list.policies.map((it) => it.name)).toEqual(['b']);
    expect(list.problems).toHaveLength(1);
  });
});

describe('GET /api/v1/policies/NAMESPACE/NAME', () => {
  it('tells its spec and the pods it selects', async () => {
    connect('node-a');
    expect(await get<PolicyDetail>('/shop/b')).toMatchObject({
      policy: {
        name: 'b',
        spec: { podSelector: {} },
        selected: [{ namespace: 'shop', name: 'web-1', node: 'node-a' }],
        unused: true,
      },
      problems: [],
    });
  });

  it('tells why there is none', async () => {
    connect('node-a');
    expect(await get<PolicyDetail>('/shop/bad')).toMatchObject({ policy: null, problems: [{ name: 'bad' }] });
    const response = await fetch(`${hub.url}/api/v1/policies/shop/none`);
    expect([response.status, await response.json()]).toEqual([
      404,
      expect.objectContaining({ detail: 'There is no policy none in namespace shop; /api/v1/policies lists all.' }),
    ]);
  });
});

it.each([
  ['a rule of no kind', { rules: [{ ref: 1, namespace: 'shop', name: 'a', direction: 'ingress', index: 0 }] }],
  ['a direction that is none', { rules: [{ ...rule(1, 'a', 0), direction: 'both' }] }],
  ['a policy without a spec', { policies: [{ ...policy('a', []), spec: undefined }] }],
  ['a warning without end', { policies: [{ ...policy('a', []), warnings: ['x'.repeat(2000)] }] }],
])('a dictionary with %s is refused', (_, change) => {
  expect(() => readDictionary(pack({ ...dictionary(), ...change }))).toThrow('The dictionary message is malformed');
});
