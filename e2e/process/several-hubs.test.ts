/** One agent's connections and outbox with two real hubs, of which one is killed and started again. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { Hubs } from '../../server/agent/hubs.ts';
import { Outbox } from '../../server/agent/outbox.ts';
import { writeRecord } from '../../server/flows/record-writer.ts';
import { nowNs } from '../../server/flows/timestamp.ts';
import { edgeCounters, kernelCounters } from '../../server/hub/testing/counter-fixtures.ts';
import { DICTIONARY, flow, HELLO } from '../../server/hub/testing/hub-bed.ts';
import type { GetFlowsResponse } from '../../server/wire/hubble.ts';
import type { ServiceMap } from '../../server/wire/service-map.ts';
import type { LossReport } from '../../server/wire/status.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { eventually, freePort, pause, Up } from './spyglass.ts';

/** Two addresses of this machine, so that one name and port can stand for two hubs. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2'] as const;
const BATCH = 50;

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const it of open.splice(0).toReversed()) await it[Symbol.asyncDispose]();
});

async function startHub(address: string, port: number, ...more: string[]): Promise<Up> {
  const hub = new Up(['hub', '--listen', `${address}:${port}`, '--grpc-listen', 'off', ...more]);
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
  async finish(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await eventually('two hubs', () => this.hubs.connected === 2 || undefined);
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
