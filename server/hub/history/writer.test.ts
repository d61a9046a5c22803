/** What agents deliver is in the store once, byte by byte, whatever happens to hub and store meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RecordLayout } from '../../wire/layout.ts';
import { KIND } from '../../wire/agent.ts';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { sessionKey } from '../../flows/flow-uuid.ts';
import { type RecordFields, writeRecord } from '../../flows/record-writer.ts';
import type { RunningHub } from '../hub.ts';
import { DICTIONARY, DROP, FakeAgent, flow, type FullStatus } from '../testing/hub-bed.ts';
import { l7Flow, l7Report } from '../testing/l7-fixtures.ts';
import { type SqlEngine, StoreError } from './sql-engine.ts';
import { HistoryBed } from './testing/history-bed.ts';

const AT = 1_700_000_000_000_000_000n;
const REQUEST = l7Flow({ kind: 'REQUEST', protocol: 'http', route: 'GET /x' });

const bed = new HistoryBed();

/** The stored records in their order, and nothing that pads them. */
async function stored(engine: SqlEngine, session = sessionKey('node-a', 's1')): Promise<string[]> {
  const rows = await engine.rows<{ record: string }>(
    'SELECT lower(hex(record)) AS record FROM flows WHERE session = {session:UInt64} ORDER BY sequence',
    { session },
  );
  return rows.map(({ record }) => record);
}

/** What `FakeAgent.batch` makes of these, without padding. */
function records(fields: RecordFields[], layout: RecordLayout = RECORD_LAYOUT): string[] {
  return fields.map((it, i) => {
    const capture = it['capture'];
    const size = layout.size + (Buffer.isBuffer(capture) ? capture.length : 0);
    return writeRecord(layout, { time_ns: i, ...it })
      .subarray(0, size)
      .toString('hex');
  });
}

/** Numbers that tell the flows of a batch apart. */
const numbered = (batch: number, count: number): RecordFields[] =>
  Array.from({ length: count }, (_, i) => flow({ connection_id: batch * 1000 + i }));

describe('rows of flows', () => {
  it('hold the records as they came, and what narrows a search', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    const sent = [flow(), DROP, REQUEST, flow({ source: 'fd00::1', source_endpoint: 0, service_id: 0, suppressed: 7 })];
    await agent.deliver(sent, { at: AT });
    expect(await stored(bed.engine)).toEqual(records(sent));

    const rows = await bed.engine.rows<Record<string, unknown>>('SELECT * EXCEPT record FROM flows ORDER BY sequence');
    expect(rows[0]).toMatchObject({
      node: 'node-a',
      batch: '1',
      clock_offset_ns: String(AT),
      time: '2023-11-14 22:13:20.000000000',
      sequence: '0',
      type: 1,
      verdict: 1,
      observation_point: 101,
      direction: 2,
      flags: 2,
      protocol: 6,
      tcp_flags: 2,
      source: '::ffff:10.1.0.16',
      destination: '::ffff:10.1.0.17',
      source_port: 40_000,
      destination_port: 8080,
      source_identity: 300,
      destination_identity: 301,
      source_namespace: 'shop',
      source_workload: 'Deployment/web',
      source_pod: 'web-1',
      destination_workload: 'Deployment/cart',
      destination_pod: 'cart-1',
      service: 'shop/cart',
      l7_protocol: '',
    });
    expect(rows[1]).toMatchObject({ verdict: 2, drop_reason: 158, destination_pod: '' });
    expect(rows[2]).toMatchObject({ time: '2023-11-14 22:13:20.000000002', sequence: '2', l7_protocol: 'http' });
    expect(rows[3]).toMatchObject({ source: 'fd00::1', source_pod: '', service: '', suppressed: 7 });
  });

  it('are read by the layout of each agent', async () => {
    const hub = await bed.hub();
    const wide = mirrored(RECORD_LAYOUT);
    const agent = await new FakeAgent(hub).start();
    const other = await new FakeAgent(hub).start({ node: 'node-b', layout: wide });
    const sent = [flow(), REQUEST, DROP];
    await Promise.all([agent.deliver(sent), other.deliver(sent)]);
    expect(await stored(bed.engine)).toEqual(records(sent));
    expect(await stored(bed.engine, sessionKey('node-b', 's1'))).toEqual(records(sent, wide));
    const rows = await bed.engine.rows(
      'SELECT * EXCEPT (arrived, node, session, time, clock_offset_ns, record) FROM flows ORDER BY node, sequence',
    );
    expect(rows.slice(0, 3)).toEqual(rows.slice(3));
    const layouts = await bed.engine.rows<{ layout: string }>('SELECT layout FROM sessions FINAL ORDER BY node');
    expect(layouts.map(({ layout }) => JSON.parse(layout) as unknown)).toEqual([RECORD_LAYOUT, wide]);
  });

  it('are summed by rule and by verdict', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    const denied = { ...DROP, drop_stage: 7, ingress_rule: 3, suppressed: 4 };
    await agent.deliver(
      [
        flow({ ingress_rule: 1, egress_rule: 2 }),
        flow({ ingress_rule: 1 }),
        denied,
        flow({ type: 2, ingress_rule: 1 }),
      ],
      { at: AT },
    );
    expect(await bed.engine.rows('SELECT rule, sum(hits) AS hits FROM policy_1m GROUP BY rule ORDER BY rule')).toEqual([
      { rule: 1, hits: '2' },
      { rule: 2, hits: '1' },
      { rule: 3, hits: '5' },
    ]);
    expect(
      await bed.engine.rows(
        'SELECT minute, verdict, sum(flows) AS n, sum(dropped) AS lost FROM flows_1m GROUP BY ALL ORDER BY verdict',
      ),
    ).toEqual([
      { minute: '2023-11-14 22:13:00', verdict: 1, n: '3', lost: '0' },
      { minute: '2023-11-14 22:13:00', verdict: 2, n: '1', lost: '5' },
    ]);
  });
});

describe('names', () => {
  const names = async (kind: string): Promise<[key: string, entry: unknown][]> => {
    const rows = await bed.engine.rows<{ key: string; entry: string }>(
      'SELECT key, entry FROM names WHERE kind = {kind:String} ORDER BY since, key',
      { kind },
    );
    return rows.map(({ key, entry }) => [key, entry === '' ? null : JSON.parse(entry)]);
  };

  it('are there before the flows that use them, and again only when they change', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow()]);
    const [web, cart] = DICTIONARY.endpoints;
    if (web === undefined || cart === undefined) throw new Error('no endpoints');
    expect(await names('endpoint')).toEqual([
      ['16', web],
      ['17', cart],
    ]);
    expect(await names('service')).toEqual([['5', DICTIONARY.services[0]]]);

    agent.send(KIND.dictionary, DICTIONARY);
    const moved = { ...web, name: 'web-2' };
    agent.send(KIND.dictionary, { ...DICTIONARY, snapshot: false, endpoints: [moved], removed_endpoints: [17] });
    agent.send(KIND.l7, l7Report([], { names: [{ address: '1.2.3.4', name: 'a.example.' }] }));
    await agent.deliver([flow()]);
    expect((await names('endpoint')).slice(2)).toEqual([
      ['16', moved],
      ['17', null],
    ]);
    expect(await names('service')).toHaveLength(1);
    expect(await names('dns')).toEqual([['1.2.3.4', ['a.example']]]);
    const pods = await bed.engine.rows('SELECT source_pod FROM flows ORDER BY sequence');
    expect(pods).toEqual([{ source_pod: 'web-1' }, { source_pod: 'web-2' }]);
  });
});

describe('a store that fails', () => {
  it('gets everything once it is back, killed as often as it may be', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) {
        const batch = numbered(round * 20 + i, 50);
        sent.push(...records(batch));
        agent.batch(batch);
      }
      // Somewhere between two blocks, or within one.
      await sleep(150 * (round + 1));
      await killStore();
    }
    await agent.settled(60);
    expect(await stored(bed.engine)).toEqual(sent);
    expect(await bed.engine.rows('SELECT sum(flows) AS n FROM flows_1m')).toEqual([{ n: String(sent.length) }]);
  });

  it('is told; the backlog stays within its bound, what was given up is counted and acknowledged', async () => {
    const switched = new SwitchedEngine(bed.engine);
    const hub = await bed.hub({ engine: switched, backlog: 1_000_000 });
    const agent = await new FakeAgent(hub).start();
    await agent.deliver(numbered(1, 10));
    switched.failure = new StoreError('full', 'No space is left.');
    for (let number = 2; number < 30; number++) agent.batch(numbered(number, 400));
    // Given up batches are acknowledged, the newest are kept.
    await agent.settled(5);
    const { history } = await status(hub);
    expect(history).toMatchObject({ kind: 'chdb', state: 'failing', problem: 'No space is left.' });
    expect(history?.not_stored.backlog).toBeGreaterThan(0);
    expect(history?.backlog_bytes).toBeLessThanOrEqual(1_000_000);
    expect((await status(hub)).flows.stored).toBe(10 + 28 * 400);

    agent.send(KIND.dictionary, {
      ...DICTIONARY,
      snapshot: false,
      endpoints: [{ ...DICTIONARY.endpoints[0], name: 'web-9' }],
    });
    switched.failure = null;
    agent.batch(numbered(30, 1));
    await agent.settled(30);
    const after = (await status(hub)).history;
    expect(after).toMatchObject({ state: 'ready', problem: null });
    const rows = await bed.engine.rows<{ n: string; batches: string[] }>(
      'SELECT count() AS n, arraySort(groupUniqArray(batch)) AS batches FROM flows',
    );
    expect(Number(rows[0]?.n)).toBe(10 + 28 * 400 + 1 - (after?.not_stored.backlog ?? 0));
    expect(rows[0]?.batches).toContain('30');
    const [name] = await bed.engine.rows<{ entry: string }>(
      "SELECT argMax(entry, since) AS entry FROM names WHERE kind = 'endpoint' AND key = '16'",
    );
    expect(name?.entry).toContain('web-9');
  });

  it('that refuses a block for good does not hold up those behind it', async () => {
    const switched = new SwitchedEngine(bed.engine);
    const hub = await bed.hub({ engine: switched });
    const agent = await new FakeAgent(hub).start();
    await expect.poll(async () => (await status(hub)).history?.state).toBe('ready');
    switched.failure = new StoreError('rejected', 'This is no row.');
    agent.batch([flow()]);
    await agent.settled(1);
    switched.failure = null;
    await agent.deliver([DROP]);
    expect((await status(hub)).history).toMatchObject({ state: 'ready', not_stored: { refused: 1 } });
    expect(await bed.engine.rows('SELECT batch FROM flows')).toEqual([{ batch: '2' }]);
  });
});

describe('a hub', () => {
  it('that stops in order writes what it has', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    agent.batch([flow(), DROP]);
    while ((await status(hub)).flows.stored < 2) await sleep(20);
    await hub.close();
    expect(await stored(bed.engine)).toEqual(records([flow(), DROP]));
    expect(await bed.engine.rows('SELECT received, exact FROM node_1m FINAL')).toEqual([{ received: '2', exact: 1 }]);
  });

  it('that is new does not write again what is stored', async () => {
    const sent = [numbered(1, 3), numbered(2, 3), numbered(3, 3)];
    const first = await bed.hub();
    const agent = await new FakeAgent(first).start();
    for (const batch of sent.slice(0, 2)) await agent.deliver(batch, { at: AT });
    await first.close();

    const second = await bed.hub();
    const again = await new FakeAgent(second).start();
    // Agents send again all they still have.
    for (const batch of sent) again.batch(batch, { at: AT });
    again.batch(numbered(3, 3), { number: 3 });
    await again.settled(3);
    expect(await stored(bed.engine)).toEqual(sent.flatMap((batch) => records(batch)));
    expect((await status(second)).flows.stored).toBe(9);
    expect(await bed.engine.rows('SELECT sum(flows) AS n FROM flows_1m')).toEqual([{ n: '9' }]);
  });

  it('is ready before any agent comes, or says why it is not', async () => {
    const switched = new SwitchedEngine(bed.engine);
    switched.failure = new StoreError('unreachable', 'Nobody answers.');
    const hub = await bed.hub({ engine: switched });
    const history = async () => (await status(hub)).history;
    await expect.poll(history).toMatchObject({ state: 'failing', problem: 'Nobody answers.', rows: null });
    switched.failure = null;
    await expect
      .poll(history, { timeout: 10_000 })
      .toMatchObject({ state: 'ready', problem: null, rows: 0, oldest: null });
  });

  it('says how far it is', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow(), DROP], { at: AT });
    const metrics = await (await fetch(`${hub.url}/metrics`)).text();
    expect(metrics).toMatch(/^spyglass_history_rows_total 2$/m);
    expect(metrics).toMatch(/^spyglass_history_not_stored_total\{cause="backlog"\} 0$/m);
    expect(metrics).toMatch(/^spyglass_history_ready 1$/m);
    hub.state.history?.tick(Date.now());
    await expect
      .poll(async () => (await status(hub)).history)
      .toMatchObject({
        state: 'ready',
        rows: 2,
        oldest: '2023-11-14T22:13:20Z',
        stored_until: '2023-11-14T22:13:20Z',
      });
  });
});

/** The layout with all fields in the opposite order, and room at the end. */
function mirrored(layout: RecordLayout): RecordLayout {
  const fields = Object.entries(layout.fields).map(([name, field]) => [
    name,
    { ...field, offset: layout.size - field.offset - field.size },
  ]);
  return { ...layout, size: layout.size + 8, version: 3, fields: Object.fromEntries(fields) as RecordLayout['fields'] };
}

async function status(hub: RunningHub): Promise<FullStatus> {
  return (await (await fetch(`${hub.url}/api/v1/status`)).json()) as FullStatus;
}

async function killStore(): Promise<void> {
  const { process: store } = bed.store;
  const { pid } = store;
  if (pid === null) throw new Error('the store is not there');
  process.kill(pid, 'SIGKILL');
  while (store.pid === pid || store.health.state !== 'ready') await sleep(20);
}

/** The engine, or a failure in its place. */
class SwitchedEngine implements SqlEngine {
  failure: StoreError | null = null;
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }
  async rows<Row>(...call: Parameters<SqlEngine['rows']>): Promise<Row[]> {
    return this.#engine.rows<Row>(...call);
  }
  stream(...call: Parameters<SqlEngine['stream']>): AsyncIterable<Buffer> {
    return this.#engine.stream(...call);
  }
  async command(sql: string): Promise<void> {
    if (this.failure !== null) throw this.failure;
    return this.#engine.command(sql);
  }
  async insert(...call: Parameters<SqlEngine['insert']>): Promise<void> {
    if (this.failure !== null) throw this.failure;
    return this.#engine.insert(...call);
  }
}
