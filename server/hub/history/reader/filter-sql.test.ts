/** A filter selects the same flows in history as in memory, whatever of it the store's SQL can say. */
import { pack } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../../wire/hubble.ts';
import type { L7Message } from '../../../wire/l7.ts';
import { DROP_REASON, RECORD_TYPE } from '../../../wire/lists.gen.ts';
import { FILTER_NAMES, parseFilter } from '../../../flows/filter.ts';
import type { RecordFields } from '../../../flows/record-writer.ts';
import { Visibility } from '../../access/visibility.ts';
import { FlowReading } from '../../flow-reader.ts';
import { requestFilter } from '../../grpc/flow-filter.ts';
import type { FilterMessage } from '../../grpc/protocol.ts';
import type { RecordFilter } from '../../store/flow-search.ts';
import { DROP, flow } from '../../testing/hub-bed.ts';
import { l7Flow } from '../../testing/l7-fixtures.ts';
import { ModelAgent, ModelHub } from '../testing/agent-model.ts';
import { startTestStore, type TestStore } from '../testing/test-store.ts';
import { filterSql } from './filter-sql.ts';
import { SqlValues } from './sql-text.ts';

const NEVER = new AbortController().signal;
const AT = 1_772_618_400_000_000_000n;

const HTTP: L7Message = {
  kind: 'RESPONSE',
  protocol: 'http',
  route: 'GET /a',
  http: { code: 503, method: 'GET', url: 'http://cart/a?x', protocol: 'HTTP/1.1', headers: [{ key: 'a', value: 'b' }] },
};
const DNS: L7Message = {
  kind: 'REQUEST',
  protocol: 'dns',
  route: 'x',
  dns: { query: 'api.example.com.', qtypes: ['A'], transport: 'UDP' },
};

/** Flows that differ in all that filters ask of. */
const RECORDS: RecordFields[] = [
  flow(),
  flow({ source_port: 53, flags: 3, service_id: 0 }),
  flow({ flags: 0, protocol: 17, observation_point: 1, direction: 1 }),
  DROP,
  { ...DROP, drop_reason: DROP_REASON.POLICY_DENIED, flags: 2, ingress_rule: 3 },
  flow({ type: RECORD_TYPE.NEW, ingress_rule: 2 }),
  flow({ protocol: 1, source_port: 8, destination_port: 0 }),
  flow({ source: 'fd00::1', destination: 'fd00::2', family: 6, source_endpoint: 0, source_identity: 2 }),
  flow({ destination: '198.51.100.7', destination_endpoint: 0, destination_identity: 2, service_id: 0 }),
  flow({ destination: '198.51.100.255', destination_endpoint: 0, destination_identity: 0xffff_fff0 }),
  flow({ source_endpoint: 17, destination_endpoint: 16, destination_port: 65_535 }),
  l7Flow(HTTP),
  l7Flow(DNS, { protocol: 17 }),
  flow({ type: RECORD_TYPE.L7, capture: pack({ nothing: 'known' }) }),
  flow({ verdict: 3, interface: 7, tcp_flags: 18 }),
];

/** Each parameter with values that select some of the flows; ends and `not.` are tried with all of them. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  namespace: ['shop', 'other', 'shop,other'],
  pod: ['shop/', 'shop/web', '/cart', 'web', 'shop/web,shop/cart-1'],
  service: ['shop/cart', 'shop/', '/ca', 'cart'],
  workload: ['web', 'Deployment/cart', 'Deployment/', 'web,cart'],
  ip: ['10.1.0.16', '10.1.0.0/16', '198.51.100.0/24', '0.0.0.0/0', '::/0', 'fd00::/64', '::ffff:0:0/96', 'fd00::1'],
  port: ['8080', '53,65535', '8', '0'],
  identity: ['300', 'reserved:world', '4294967280'],
  fqdn: ['*.example.com'],
  label: ['app=web', 'reserved:world'],
  protocol: ['tcp', 'udp', 'icmp', 'http', 'dns', 'tcp,dns', 'icmpv6'],
  verdict: ['DROPPED', 'FORWARDED', 'FORWARDED,DROPPED'],
  'drop-reason': ['POLICY_DENIED', 'POLICY_DENIED,INVALID_SOURCE_IP'],
  'traffic-direction': ['INGRESS', 'EGRESS'],
  type: ['drop', 'trace', 'l7', 'policy-verdict', '1', '129', 'trace:to-endpoint', 'drop,l7', 'capture'],
  reply: ['true', 'false', 'true,false'],
  'node-name': ['node-a', 'node-*', 'default/', 'other/node-a', '*b'],
  'http-status': ['503', '5xx', '404'],
  'http-method': ['get'],
  'http-path': ['/a', '^/$'],
  'http-url': ['cart'],
  'http-header': ['a:b'],
  'dns-query': ['example'],
  'trace-id': ['0123456789abcdef'],
};

const COMBINED = [
  'pod=shop/web&port=8080',
  'pod=shop/web&port=53',
  'namespace=shop&not.pod=shop/cart&verdict=FORWARDED',
  'ip=10.1.0.16&not.ip=198.51.100.0/24',
  'from-pod=shop/web&to-port=8080&protocol=tcp,http',
  'not.port=8080&not.verdict=DROPPED&not.type=l7',
  'workload=web&identity=301',
];

/** As the Hubble API has them. */
const MESSAGES: [FilterMessage[], FilterMessage[]][] = [
  [[{ source_pod: ['shop/web'] }], []],
  [[{ destination_port: ['8080'] }, { protocol: ['dns'] }], []],
  [[{}], [{ verdict: [2] }]],
  [[], [{ source_ip: ['10.1.0.16'], destination_port: ['8080'] }]],
  [[], [{ destination_identity: [2] }, { reply: [true] }]],
  [[], [{ tcp_flags: [{ SYN: true }] }]],
  [[{ interface: [{ index: 7 }] }], [{ source_label: ['app=web'] }]],
  [[{ event_type: [{ type: 1 }] }], []],
  [[], [{}]],
];

let store: TestStore;
let stored: ModelHub;
let memory: ModelHub;

beforeAll(async () => {
  store = await startTestStore();
  const engine = await store.client('filters');
  const first = new ModelHub(1024 * 1024, engine);
  memory = new ModelHub(1024 * 1024, null);
  for (const node of ['node-a', 'node-b']) {
    new ModelAgent(node).deliver(
      [first, memory],
      RECORDS.map((fields, i) => ({ ...fields, time_ns: i * 1000 })),
      AT,
    );
  }
  await first.end();
  // A hub that has received nothing.
  stored = new ModelHub(1024 * 1024, engine);
});
afterAll(async () => {
  await stored.end();
  await store.end();
});

async function select(hub: ModelHub, filter: RecordFilter): Promise<HubbleFlow[]> {
  const query = { filter, since: null, until: null, after: null, before: null };
  const flows: HubbleFlow[] = [];
  for await (const page of new FlowReading(hub.state, false, Visibility.ALL).pages(query, Infinity, NEVER))
    flows.push(...page.flows);
  return flows;
}

async function compare(filter: () => RecordFilter): Promise<number> {
  const expected = await select(memory, filter());
  expect(await select(stored, filter())).toEqual(expected);
  return expected.length;
}

describe('filters over history', () => {
  it('know all parameters', () => {
    const known = Object.keys(VALUES);
    const ends = known.flatMap((name) => [name, `from-${name}`, `to-${name}`]);
    expect(ends).toEqual(expect.arrayContaining([...FILTER_NAMES]));
  });

  it('select all flows of a store without any', async () => {
    expect(await compare(() => parseFilter([]))).toBe(2 * RECORDS.length);
  });

  it.each(Object.keys(VALUES))('%s', async (parameter) => {
    let found = 0;
    for (const value of VALUES[parameter] ?? []) {
      for (const end of ['', 'from-', 'to-']) {
        const name = `${end}${parameter}`;
        if (!FILTER_NAMES.includes(name)) continue;
        const some = await compare(() => parseFilter([[name, value]]));
        const others = await compare(() => parseFilter([[`not.${name}`, value]]));
        // From either end both may select or exclude a flow.
        if (end !== '' || !FILTER_NAMES.includes(`from-${parameter}`)) expect(some + others).toBe(2 * RECORDS.length);
        found += some;
      }
    }
    // All but those that ask for names and labels that these flows have none of.
    expect(found > 0).toBe(!['fqdn', 'trace-id'].includes(parameter));
  });

  it.each(COMBINED)('%s', async (words) => {
    expect(await compare(() => parseFilter(new URLSearchParams(words)))).toBeLessThan(2 * RECORDS.length);
  });

  it.each(MESSAGES)('of the Hubble API: %j without %j', async (whitelist, blacklist) => {
    await compare(() => requestFilter(whitelist, blacklist));
  });

  it('of a flow by its UUID', async () => {
    const [one] = await select(memory, parseFilter([]));
    expect(await compare(() => requestFilter([{ uuid: [one?.uuid, 'none'] }], []))).toBe(1);
  });

  it('never put what a client wrote into the statement', () => {
    const hostile = "x'; DROP TABLE flows; --";
    const sql = new SqlValues();
    const text = filterSql(
      parseFilter(['namespace', 'pod', 'workload', 'service'].map((name) => [name, hostile] as const)).selection,
      sql,
    );
    expect(text).not.toContain('DROP');
    expect(Object.values(sql.values).flat()).toContain(hostile);
  });
});
