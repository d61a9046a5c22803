/** One agent's connections and outbox with two real hubs, of which one is killed and started again. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Hubs } from '../../server/agent/hubs.ts';
import { Outbox } from '../../server/agent/outbox.ts';
import { writeRecord } from '../../server/flows/record-writer.ts';
import { nowNs } from '../../server/flows/timestamp.ts';
import { storeSocket } from '../../server/hub/history/chdb/store-messages.ts';
import type { SqlEngine } from '../../server/hub/history/sql-engine.ts';
import { startTestStore } from '../../server/hub/history/testing/test-store.ts';
import { edgeCounters, kernelCounters } from '../../server/hub/testing/counter-fixtures.ts';
import { DICTIONARY, flow, HELLO } from '../../server/hub/testing/hub-bed.ts';
import type { GetFlowsResponse } from '../../server/wire/hubble.ts';
import type { ServiceMap } from '../../server/wire/service-map.ts';
import type { HubStatus, LossReport } from '../../server/wire/status.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { eventually, freePort, pause, Up } from './spyglass.ts';

/** Two addresses of this machine, so that one name and port can stand for two hubs. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2'] as const;
const BATCH = 50;

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const it of open.splice(0).toReversed()) await it[Symbol.asyncDispose]();
});

async function startHub(address: string, port: number, store = 'memory', memory = '256Mi'): Promise<Up> {
  const hub = new Up([
    'hub',
    '--listen',
    `${address}:${port}`,
    '--grpc-listen',
    'off',
    '--store',
    store,
    '--memory',
    memory,
  ]);
  open.push(hub);
  await hub.says('Spyglass hub on');
  return hub;
}

/** What an agent does, without a kernel: it makes records and counts them. */
class Sender implements AsyncDisposable {
  readonly outbox: Outbox;
  readonly hubs: Hubs;
  readonly #timers: NodeJS.Timeout[];
  #packets = 0;

  constructor(port: number, limit: number) {
    this.outbox = new Outbox(limit);
    this.hubs = new Hubs({
      urls: [`ws://localhost:${port}`],
      hello: { ...HELLO, session: randomUUID() },
      outbox: this.outbox,
      snapshot: () => DICTIONARY,
      events: { connected: () => this.#count(), disconnected: () => undefined },
      lookup: () => Promise.resolve(ADDRESSES.map((address) => ({ address, family: 4 }))),
    });
    this.#timers = [setInterval(() => this.#send(), 10), setInterval(() => this.#count(), 200)];
    open.push(this);
  }

  /** Sends no more but what it has, and its last counters. */
  async finish(hubs = 2): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await eventually('all hubs', () => this.hubs.connected === hubs || undefined);
    this.hubs.sendBatches();
    this.#count();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.hubs.close(1000);
  }

  #send(): void {
    const records = Array.from({ length: BATCH }, (_, i) =>
      writeRecord(RECORD_LAYOUT, { ...flow(), time_ns: i, source_port: 1024 + (this.outbox.newest % 60_000) }),
    );
    this.#packets += BATCH;
    this.outbox.add(Buffer.concat(records), BATCH, nowNs(), 0);
    this.hubs.sendBatches();
  }

  #count(): void {
    const { records: produced, lost: buffer } = this.outbox;
    this.hubs.sendCounters({
      ...kernelCounters([edgeCounters(this.#packets)], { problem: null }),
      records: { produced, ring: 0, buffer, unbatched: 0, taken_before: 0 },
    });
  }
}

async function ask<T>(address: string, port: number, path: string): Promise<T> {
  return (await (await fetch(`http://${address}:${port}${path}`)).json()) as T;
}

async function uuids(address: string, port: number): Promise<string[]> {
  const text = await (await fetch(`http://${address}:${port}/api/v1/flows?last=100000`)).text();
  const lines = text.split('\n').filter((it) => it !== '');
  return lines.map((it) => (JSON.parse(it) as GetFlowsResponse).flow?.uuid ?? '');
}

test('two hubs answer the same, though one was killed and started again', async () => {
  const port = await freePort();
  const [one, other] = ADDRESSES;
  const killed = await startHub(one, port);
  await startHub(other, port);
  const sender = new Sender(port, 32 * 1024 * 1024);
  await eventually('two hubs', () => sender.hubs.connected === 2 || undefined);
  await pause(500);
  await killed.kill('SIGKILL');
  await eventually('the loss of one', () => sender.hubs.connected === 1 || undefined);
  await pause(500);
  await startHub(one, port);
  await eventually('two hubs again', () => sender.hubs.connected === 2 || undefined);
  await pause(500);
  await sender.finish();

  const sent = sender.outbox.records;
  expect(sent).toBeGreaterThan(1000);
  const [here, there] = await Promise.all(
    ADDRESSES.map((address) =>
      eventually(`all flows at ${address}`, async () => {
        const found = await uuids(address, port);
        return found.length >= sent ? found : undefined;
      }),
    ),
  );
  expect(here).toHaveLength(sent);
  expect(new Set(here).size).toBe(sent);
  expect(there).toEqual(here);
  for (const address of ADDRESSES) {
    const map = await eventually('the last counters', async () => {
      const { edges } = await ask<ServiceMap>(address, port, '/api/v1/service-map?since=60s');
      return edges[0]?.packets === sent ? edges : undefined;
    });
    expect(map).toHaveLength(1);
    const { total } = await ask<LossReport>(address, port, '/api/v1/loss');
    expect(total).toMatchObject({ produced: sent, received: sent, elsewhere: 0, waiting: 0, unexplained: 0 });
    expect(total.lost.records).toBe(0);
  }
});

/** The embedded engine as a server would be: ClickHouse's HTTP interface on a port, for both hubs. */
async function startStore(): Promise<{ url: string; engine: SqlEngine }> {
  const folder = mkdtempSync(join(tmpdir(), 'spyglass-hubs-'));
  const store = await startTestStore(folder);
  const front = createServer((client) => {
    const server = connect(storeSocket(folder));
    for (const socket of [client, server]) socket.on('error', () => [client, server].forEach((it) => it.destroy()));
    client.pipe(server).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  open.push({
    async [Symbol.asyncDispose]() {
      front.close();
      await store.end();
      rmSync(folder, { recursive: true, force: true });
    },
  });
  return {
    url: `clickhouse://127.0.0.1:${(front.address() as AddressInfo).port}/hubs`,
    engine: store.connect('hubs'),
  };
}

test('over one store nothing is missing or twice, though the hub that archived was killed', async () => {
  const port = await freePort();
  const store = await startStore();
  // Memory for a part of the flows only: the rest has to come from the store.
  const hubs = new Map<string, Up>();
  for (const address of ADDRESSES) hubs.set(address, await startHub(address, port, store.url, '1Mi'));
  const sender = new Sender(port, 32 * 1024 * 1024);
  await eventually('two hubs', () => sender.hubs.connected === 2 || undefined);
  await eventually('an archive', () => sender.hubs.archive.durable > 20 || undefined);
  const archive = sender.hubs.archive.hub;
  let killed = '';
  for (const address of ADDRESSES) {
    const { hub } = await ask<HubStatus>(address, port, '/api/v1/status');
    if (hub === archive) killed = address;
  }
  await hubs.get(killed)?.kill('SIGKILL');
  await eventually('the loss of one', () => sender.hubs.connected === 1 || undefined);
  const { durable } = sender.hubs.archive;
  await eventually('that one archives', () => sender.hubs.archive.durable > durable + 50 || undefined);
  hubs.set(killed, await startHub(killed, port, store.url, '1Mi'));
  await eventually('two hubs again', () => sender.hubs.connected === 2 || undefined);
  await pause(500);
  await sender.finish();
  const newest = sender.outbox.newest;
  await eventually('all is held for good', () => sender.hubs.archive.durable === newest || undefined);
  // It does not go back to the one that came back.
  expect(sender.hubs.archive.hub).not.toBe(archive);

  const sent = sender.outbox.records;
  const [here = [], there] = await Promise.all(ADDRESSES.map((address) => uuids(address, port)));
  expect(here).toHaveLength(sent);
  expect(new Set(here).size).toBe(sent);
  expect(there).toEqual(here);
  for (const address of ADDRESSES) {
    const { flows, history } = await ask<HubStatus>(address, port, '/api/v1/status');
    expect(flows?.stored).toBeLessThan(sent);
    expect(history).toMatchObject({ problem: null, not_stored: { backlog: 0, refused: 0, stopped: 0 } });
    const { total } = await ask<LossReport>(address, port, '/api/v1/loss');
    expect(total).toMatchObject({ produced: sent, received: sent, unexplained: 0, lost: { records: 0 } });
  }
  // A hub that ends writes its last sums. They are cumulative: those of both hubs and of the killed one are one.
  for (const hub of hubs.values()) await hub.kill('SIGTERM');
  const found = await store.engine.rows(`SELECT
    (SELECT count() FROM flows) AS rows,
    (SELECT sum(flows) FROM flows_1m) AS counted,
    (SELECT sum(least) FROM (SELECT max(to[1]) - min(from[1]) AS least FROM edges_1m GROUP BY minute, slot)) AS packets`);
  expect(found).toEqual([{ rows: String(sent), counted: String(sent), packets: String(sent) }]);
});

test('what one hub has and the agent has no room for is not lost, and the other hub says where it is', async () => {
  const port = await freePort();
  const [one, other] = ADDRESSES;
  await startHub(one, port);
  // The other is not there until the first batches have made room.
  const sender = new Sender(port, 256 * 1024);
  await eventually('batches given up', () => sender.outbox.records > 6000 || undefined);
  await startHub(other, port);
  await sender.finish();
  const sent = sender.outbox.records;
  expect(sender.outbox.lost).toBe(0);
  const first = await uuids(one, port);
  expect(first).toHaveLength(sent);
  const second = await uuids(other, port);
  expect(second.length).toBeLessThan(sent);
  expect(first.slice(-second.length)).toEqual(second);
  const { total } = await eventually('its counters', async () => {
    const report = await ask<LossReport>(other, port, '/api/v1/loss');
    return report.total.produced === sent ? report : undefined;
  });
  expect(total).toMatchObject({ received: second.length, elsewhere: sent - second.length, unexplained: 0 });
  expect(total.lost.records).toBe(0);
});

test('what no hub had when the agent made room is lost, to the record', async () => {
  const port = await freePort();
  const sender = new Sender(port, 256 * 1024);
  await eventually('batches given up', () => sender.outbox.lost > 1000 || undefined);
  await startHub(ADDRESSES[0], port);
  await sender.finish(1);
  const sent = sender.outbox.records;
  const { total, not_stored: notStored } = await eventually('its counters', async () => {
    const report = await ask<LossReport>(ADDRESSES[0], port, '/api/v1/loss');
    return report.total.produced === sent ? report : undefined;
  });
  const received = (await uuids(ADDRESSES[0], port)).length;
  expect(total).toMatchObject({ received, elsewhere: 0, waiting: 0, unexplained: 0, exact: false });
  expect(total.lost).toEqual({ records: sent - received, ring: 0, buffer: sent - received, agent: 0, transit: 0 });
  expect(notStored).toBeNull();
});

test('two addresses of one hub make one connection', async () => {
  const port = await freePort();
  await startHub(ADDRESSES[0], port);
  const outbox = new Outbox(1024 * 1024);
  const welcomes: string[] = [];
  const hubs = new Hubs({
    urls: [`ws://localhost:${port}`, `ws://127.0.0.1:${port}`],
    hello: { ...HELLO, session: randomUUID() },
    outbox,
    snapshot: () => DICTIONARY,
    events: { connected: ({ url }) => welcomes.push(url), disconnected: () => undefined },
    lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  });
  open.push({ [Symbol.asyncDispose]: () => hubs.close(500) });
  await eventually('both', () => welcomes.length >= 2 || undefined);
  await pause(1500);
  expect(welcomes).toHaveLength(2);
  expect(hubs.connected).toBe(1);
});
