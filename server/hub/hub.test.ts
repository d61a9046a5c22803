/** The hub as its clients meet it: a real one on a free port, with agents that speak the real protocol. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { pack, unpack } from 'msgpackr';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Ack,
  AGENT_PROTOCOL_VERSION,
  BATCH_HEADER,
  type Counters,
  type Dictionary,
  type EdgeCounters,
  type Hello,
  KIND,
  MAX_AGENT_MESSAGE,
  type Welcome,
} from '../wire/agent.ts';
import type { GetFlowsResponse } from '../wire/hubble.ts';
import type { LiveMessage } from '../wire/live.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import type { ServiceMap } from '../wire/service-map.ts';
import type { HubStatus, NodeStatus } from '../wire/status.ts';
import { type RecordFields, writeRecord } from '../flows/record-writer.ts';
import { nowNs } from '../flows/timestamp.ts';
import { type RunningHub, startHub } from './hub.ts';

const HELLO: Hello = {
  protocol: AGENT_PROTOCOL_VERSION,
  node: 'node-a',
  session: 's1',
  boot_id: 'b1',
  counters_id: 'c1',
  version: '0.1.0',
  layout: RECORD_LAYOUT,
  mode: 'live',
};

const DICTIONARY: Dictionary = {
  snapshot: true,
  endpoints: [
    { ref: 16, name: 'web-1', workload: { name: 'web', kind: 'Deployment' } },
    { ref: 17, name: 'cart-1', workload: { name: 'cart', kind: 'Deployment' } },
  ].map((entry) => ({
    ...entry,
    kind: 'pod',
    namespace: 'shop',
    addresses: [`10.1.0.${entry.ref}`],
    identity: 284 + entry.ref,
    labels: [],
    created: '',
  })),
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
};

/** web-1 -> cart-1:8080, forwarded. */
function flow(more: RecordFields = {}): RecordFields {
  return {
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
    source_identity: 300,
    destination_identity: 301,
    service_id: 5,
    packets: 1,
    bytes: 60,
    ...more,
  };
}
const DROP = flow({ type: 5, verdict: 2, drop_reason: 158, destination_endpoint: 0, flags: 0 });

class FakeAgent {
  readonly socket: WebSocket;
  readonly #replies: Buffer[] = [];
  #number = 0;

  constructor(hub: RunningHub) {
    this.socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/v1/agents`);
    this.socket.on('message', (data) => this.#replies.push(data as Buffer));
    this.socket.on('error', () => undefined);
  }

  send(kind: number, message: object): void {
    this.socket.send(Buffer.concat([Buffer.of(kind), pack(message)]));
  }

  async hello(hello: Partial<Hello> = {}): Promise<Welcome> {
    await once(this.socket, 'open');
    this.send(KIND.hello, { ...HELLO, ...hello });
    return this.reply<Welcome>(KIND.welcome);
  }

  async start(hello: Partial<Hello> = {}): Promise<this> {
    await this.hello(hello);
    this.send(KIND.dictionary, DICTIONARY);
    return this;
  }

  /** The records' time is their place in the batch, in ns, after `at` (Unix ns). */
  batch(records: RecordFields[], options: { number?: number; lost?: number; at?: bigint } = {}): number {
    this.#number = options.number ?? this.#number + 1;
    const header = Buffer.alloc(BATCH_HEADER.size);
    header[0] = KIND.batch;
    header.writeUInt32LE(records.length, BATCH_HEADER.count);
    header.writeBigUInt64LE(BigInt(this.#number), BATCH_HEADER.number);
    header.writeBigInt64LE(options.at ?? nowNs(), BATCH_HEADER.clock_offset_ns);
    header.writeBigUInt64LE(BigInt(options.lost ?? 0), BATCH_HEADER.lost);
    const bytes = records.map((fields, i) => writeRecord(RECORD_LAYOUT, { time_ns: i, ...fields }));
    this.socket.send(Buffer.concat([header, ...bytes]));
    return this.#number;
  }

  /** Sends a batch and waits until the hub holds it. */
  async deliver(records: RecordFields[], options: { number?: number; lost?: number; at?: bigint } = {}): Promise<void> {
    const number = this.batch(records, options);
    while ((await this.reply<Ack>(KIND.ack)).batch < number);
  }

  async reply<T>(kind: number): Promise<T> {
    for (;;) {
      const next = this.#replies.shift();
      if (next === undefined) await once(this.socket, 'message', { signal: AbortSignal.timeout(5000) });
      else if (next[0] === kind) return unpack(next.subarray(1)) as T;
    }
  }

  async closed(): Promise<{ code: number; reason: string }> {
    const [code, reason] = (await once(this.socket, 'close')) as [number, Buffer];
    return { code, reason: reason.toString() };
  }
}

class LiveClient {
  readonly socket: WebSocket;
  readonly messages: LiveMessage[] = [];

  constructor(hub: RunningHub, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/v1/live`, { headers });
    this.socket.on('message', (data) => this.messages.push(JSON.parse((data as Buffer).toString()) as LiveMessage));
    this.socket.on('error', () => undefined);
  }

  async subscribe(message: object): Promise<void> {
    if (this.socket.readyState !== WebSocket.OPEN) await once(this.socket, 'open');
    this.socket.send(JSON.stringify({ type: 'subscribe', ...message }));
  }

  async next<T extends LiveMessage['type']>(type: T): Promise<Extract<LiveMessage, { type: T }>> {
    for (;;) {
      const at = this.messages.findIndex((message) => message.type === type);
      if (at >= 0) return this.messages.splice(at, 1)[0] as Extract<LiveMessage, { type: T }>;
      await once(this.socket, 'message', { signal: AbortSignal.timeout(5000) });
    }
  }
}

let hub: RunningHub;

beforeEach(async () => {
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 4 * 1024 * 1024,
    version: '0.1.0',
    log: pino({ level: 'silent' }),
    uiFolder: '/nonexistent',
  });
});

afterEach(async () => {
  await hub.close();
});

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${hub.url}${path}`, init);
}

async function flows(query: string): Promise<GetFlowsResponse[]> {
  const response = await get(`/api/v1/flows?${query}`);
  expect(response.status).toBe(200);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as GetFlowsResponse);
}

async function status(): Promise<HubStatus> {
  return (await (await get('/api/v1/status')).json()) as HubStatus;
}

describe('agents', () => {
  it('deliver flows, which are named by their dictionary', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow(), DROP]);
    const found = await flows('last=10');
    expect(found.map((line) => line.flow?.verdict)).toEqual(['FORWARDED', 'DROPPED']);
    expect(found[0]).toMatchObject({
      node_name: 'node-a',
      flow: {
        source: { pod_name: 'web-1' },
        destination: { pod_name: 'cart-1', workloads: [{ name: 'cart', kind: 'Deployment' }] },
        destination_service: { name: 'cart', namespace: 'shop' },
      },
    });
  });

  it('resume after a lost connection; what the hub holds already is dropped', async () => {
    const first = await new FakeAgent(hub).start();
    await first.deliver([flow(), flow()]);
    first.socket.terminate();
    const second = new FakeAgent(hub);
    expect((await second.hello()).last_batch).toBe(1);
    second.send(KIND.dictionary, DICTIONARY);
    second.batch([flow(), flow()], { number: 1 });
    await second.deliver([flow({ destination_port: 9 })], { number: 2 });
    expect((await status()).flows.received).toBe(3);
    expect(await flows('port=9')).toHaveLength(1);
  });

  it('of a new process begin at zero; the old names stay with the old flows', async () => {
    const old = await new FakeAgent(hub).start();
    await old.deliver([flow()]);
    const fresh = new FakeAgent(hub);
    expect((await fresh.hello({ session: 's2' })).last_batch).toBe(0);
    fresh.send(KIND.dictionary, { ...DICTIONARY, endpoints: [] });
    await fresh.deliver([flow()]);
    expect((await flows('last=2')).map((line) => line.flow?.source.pod_name)).toEqual(['web-1', undefined]);
    expect(old.socket.readyState).not.toBe(WebSocket.OPEN);
  });

  it('are told apart by node, and counted when they go', async () => {
    const a = await new FakeAgent(hub).start();
    const b = await new FakeAgent(hub).start({ node: 'node-b' });
    await Promise.all([a.deliver([flow()]), b.deliver([flow(), flow()])]);
    expect(await flows('node-name=node-b')).toHaveLength(2);
    expect((await get('/readyz')).status).toBe(200);
    a.socket.close();
    b.socket.close();
    await Promise.all([a.closed(), b.closed()]);
    await expect.poll(async () => (await get('/readyz')).status).toBe(503);
    expect((await status()).nodes).toEqual({ known: 2, connected: 0 });
  });

  it('say what they lost, and gaps are counted', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow()], { number: 1 });
    await agent.deliver([flow()], { number: 5, lost: 70 });
    expect((await status()).lost).toMatchObject({ records: 70, missing_batches: 3 });
  });

  it('removed endpoints keep their names in stored flows', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.dictionary, {
      ...DICTIONARY,
      snapshot: false,
      endpoints: [],
      services: [],
      removed_endpoints: [16],
    });
    await agent.deliver([flow({ source_endpoint: 0 })]);
    expect(await flows('pod=shop/web')).toHaveLength(1);
    expect(await (await get('/api/v1/namespaces')).json()).toEqual({ namespaces: [{ name: 'shop', pods: 1 }] });
  });
});

describe('faulty agents', () => {
  const header = (count: number): Buffer => {
    const bytes = Buffer.alloc(BATCH_HEADER.size);
    bytes[0] = KIND.batch;
    bytes.writeUInt32LE(count, BATCH_HEADER.count);
    bytes.writeBigUInt64LE(1n, BATCH_HEADER.number);
    return bytes;
  };
  const record = writeRecord(RECORD_LAYOUT, flow());

  it.each([
    ['an unknown kind', Buffer.of(99), /kind 99/],
    ['a short batch', Buffer.of(KIND.batch, 1, 2), /shorter than its header/],
    ['a count without records', header(1_000_000), /claims 1000000 records/],
    ['bytes after the records', Buffer.concat([header(1), record, Buffer.alloc(8)]), /8 bytes after/],
    [
      'a record of another version',
      Buffer.concat([header(1), writeRecord(RECORD_LAYOUT, flow({ version: 9 }))]),
      /version 9/,
    ],
    [
      'captured bytes beyond the end',
      Buffer.concat([header(1), writeRecord(RECORD_LAYOUT, flow({ captured: 40 })).subarray(0, -8)]),
      /after|beyond|bytes/,
    ],
    [
      'a dictionary that is none',
      Buffer.concat([Buffer.of(KIND.dictionary), pack({ snapshot: 1 })]),
      /dictionary.*snapshot/,
    ],
    ['counters that are none', Buffer.concat([Buffer.of(KIND.counters), Buffer.of(0xc1)]), /counters/],
    ['a second hello', Buffer.concat([Buffer.of(KIND.hello), pack(HELLO)]), /second hello/],
  ])('%s closes that connection with a reason', async (_, message, reason) => {
    const good = await new FakeAgent(hub).start({ node: 'good' });
    const faulty = await new FakeAgent(hub).start();
    faulty.socket.send(message);
    const closed = await faulty.closed();
    expect(closed.code).toBe(1002);
    expect(closed.reason).toMatch(reason);
    await good.deliver([flow()]);
    expect((await status()).flows.received).toBe(1);
    expect(await (await get('/metrics')).text()).toMatch(/spyglass_hub_protocol_errors_total\{fault="\w+"\} 1/);
  });

  it.each([
    ['another protocol', { protocol: 9 }, /protocol 9/],
    ['a layout without verdicts', { layout: { ...RECORD_LAYOUT, fields: {} } }, /has no field/],
    ['no node name', { node: '' }, /node/],
  ])('a hello with %s is refused', async (_, hello, reason) => {
    const agent = new FakeAgent(hub);
    await once(agent.socket, 'open');
    agent.send(KIND.hello, { ...HELLO, ...hello });
    expect((await agent.closed()).reason).toMatch(reason);
    expect((await status()).nodes.known).toBe(0);
  });

  it('a message before the hello, or as text, is refused', async () => {
    for (const message of ['{}', Buffer.of(KIND.batch)]) {
      const agent = new FakeAgent(hub);
      await once(agent.socket, 'open');
      agent.socket.send(message);
      expect((await agent.closed()).code).toBe(1002);
    }
  });

  it('an oversized message closes the connection', async () => {
    const agent = await new FakeAgent(hub).start();
    agent.socket.send(Buffer.alloc(MAX_AGENT_MESSAGE + 1, KIND.batch));
    expect((await agent.closed()).code).toBe(1009);
    expect(await (await get('/metrics')).text()).toContain('spyglass_hub_protocol_errors_total{fault="size"} 1');
  });
});

describe('GET /api/v1/flows', () => {
  it('selects by filter, number and time', async () => {
    const agent = await new FakeAgent(hub).start();
    const at = nowNs() - 60_000_000_000n;
    await agent.deliver(
      Array.from({ length: 50 }, (_, i) => flow({ destination_port: 1000 + i })),
      { at },
    );
    await agent.deliver([DROP], { at: nowNs() });
    const ports = (found: GetFlowsResponse[]) => found.map((line) => line.flow?.l4?.TCP?.destination_port);
    expect(await flows('')).toHaveLength(20);
    expect(ports(await flows('first=2'))).toEqual([1000, 1001]);
    expect(ports(await flows('last=2'))).toEqual([1049, 8080]);
    expect(ports(await flows('verdict=DROPPED'))).toEqual([8080]);
    expect(ports(await flows('to-port=1003,1001&last=9'))).toEqual([1001, 1003]);
    expect(ports(await flows('since=30s'))).toEqual([8080]);
    expect(await flows('until=30s')).toHaveLength(50);
    expect(await flows('since=10m')).toHaveLength(51);
    const time = (await flows('first=3'))[2]?.flow?.time ?? '';
    expect(ports(await flows(`since=${time}&first=1`))).toEqual([1002]);
    expect(ports(await flows(`until=${time}`))).toEqual([1000, 1001, 1002]);
  });

  it('orders flows of several nodes by time', async () => {
    const a = await new FakeAgent(hub).start();
    const b = await new FakeAgent(hub).start({ node: 'node-b' });
    const at = nowNs();
    await a.deliver([flow({ time_ns: 5 })], { at });
    await b.deliver([flow({ time_ns: 1000 })], { at: at - 1_000_000n });
    expect((await flows('last=2')).map((line) => line.node_name)).toEqual(['node-b', 'node-a']);
  });

  it('comes as JSON and CSV', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow(), DROP]);
    const json = await get('/api/v1/flows?format=json');
    expect(json.headers.get('content-type')).toContain('application/json');
    expect(await json.json()).toHaveLength(2);
    const csv = await get('/api/v1/flows?format=csv');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    const rows = (await csv.text()).split('\r\n');
    expect(rows[0]).toMatch(/^time,node_name,event,verdict/);
    expect(rows).toHaveLength(4);
    expect(await (await get('/api/v1/flows?format=json&port=1')).json()).toEqual([]);
  });

  it('follows, from the history asked for', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow({ destination_port: 1 }), flow({ destination_port: 2 })]);
    const stop = new AbortController();
    const response = await get('/api/v1/flows?follow=true&last=1&protocol=tcp', { signal: stop.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const lines = async (count: number): Promise<number[]> => {
      while (text.split('\n').length <= count) text += (await reader?.read())?.value ?? '';
      const complete = text.split('\n').slice(0, -1);
      return complete.map((line) => (JSON.parse(line) as GetFlowsResponse).flow?.l4?.TCP?.destination_port ?? 0);
    };
    expect(await lines(1)).toEqual([2]);
    await agent.deliver([flow({ destination_port: 3 }), flow({ protocol: 17 })]);
    expect(await lines(2)).toEqual([2, 3]);
    await agent.deliver([flow({ destination_port: 4 })]);
    expect(await lines(3)).toEqual([2, 3, 4]);
    stop.abort();
  });

  it('answers a follower before there are flows', async () => {
    const stop = new AbortController();
    const response = await get('/api/v1/flows?follow=true', { signal: stop.signal });
    expect(response.status).toBe(200);
    stop.abort();
  });

  it('goes on following although flows were overwritten before they could be read', async () => {
    const agent = await new FakeAgent(hub).start();
    const stop = new AbortController();
    const response = await get('/api/v1/flows?follow=true&port=1', { signal: stop.signal });
    const many = Array.from({ length: 15_000 }, () => flow());
    // More than the memory holds, faster than the follower looks.
    for (let i = 0; i < 2; i++) agent.batch(many);
    await agent.deliver([flow({ destination_port: 1 })]);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"destination_port":1,')) text += (await reader?.read())?.value ?? '';
    const { overwritten } = (await status()).flows;
    expect(overwritten).toBeGreaterThan(0);
    stop.abort();
  });

  it.each([
    ['podd=x', /"podd".*"pod"/],
    ['port=x', /"port"/],
    ['last=-1', /"last".*0 to 100000/],
    ['last=100001', /"last"/],
    ['last=1&last=2', /twice/],
    ['first=1&last=1', /not both/],
    ['first=1&follow=true', /"follow"/],
    ['since=soon', /"since"/],
    ['format=xml', /"format".*ndjson/],
    ['format=json&follow=true', /json/],
  ])('refuses %s', async (query, detail) => {
    const response = await get(`/api/v1/flows?${query}`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ type: 'about:blank', title: 'Bad Request', status: 400 });
    expect(((await (await get(`/api/v1/flows?${query}`)).json()) as { detail: string }).detail).toMatch(detail);
  });
});

function edge(packets: number, more: Partial<EdgeCounters> = {}): EdgeCounters {
  return {
    slot: 1,
    source_endpoint: 16,
    destination_endpoint: 17,
    source_identity: 300,
    destination_identity: 301,
    service_id: 5,
    port: 8080,
    protocol: 6,
    verdict: 1,
    drop_reason: 0,
    peer: '',
    packets,
    bytes: packets * 100,
    reply_packets: packets,
    reply_bytes: packets * 50,
    connections: packets,
    answered: packets,
    rtt_histogram: [packets],
    ...more,
  };
}

function counters(edges: EdgeCounters[], more: Partial<Counters> = {}): Counters {
  return {
    time_ns: String(nowNs()),
    edges,
    overflow: { packets: 0, bytes: 0 },
    drops: {},
    stages: [],
    maps: [{ name: 'flow_cache', entries: 3, max_entries: 100 }],
    problem: 'The map is full.',
    lost: { ring: 2, buffer: 1 },
    events: { written: 0, drained: 0 },
    agent: { rss_bytes: 1, cpu_seconds: 0, buffered_bytes: 0 },
    ...more,
  };
}

describe('GET /api/v1/service-map', () => {
  it('shows what the kernels counted', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.counters, counters([edge(4)]));
    agent.send(
      KIND.counters,
      counters([edge(10), edge(2, { slot: 2, verdict: 2, drop_reason: 158 })], { drops: { 158: 2 } }),
    );
    await agent.deliver([flow()]);
    const map = (await (await get('/api/v1/service-map?since=30s')).json()) as ServiceMap;
    expect(map.nodes.map((node) => node.id)).toEqual(['shop/Deployment/web', 'shop/Deployment/cart']);
    expect(map.edges).toMatchObject([{ packets: 10, verdicts: { FORWARDED: 20, DROPPED: 4 }, rtt: { count: 10 } }]);
    const filtered = await get('/api/v1/service-map?verdict=DROPPED&group=pod');
    expect(((await filtered.json()) as ServiceMap).edges).toMatchObject([{ packets: 0, verdicts: { DROPPED: 4 } }]);
    const nodes = ((await (await get('/api/v1/nodes')).json()) as { nodes: NodeStatus[] }).nodes;
    expect(nodes).toMatchObject([
      {
        name: 'node-a',
        connected: true,
        flows: 2,
        pods: 2,
        lost: { ring: 2, buffer: 1 },
        problem: 'The map is full.',
        maps: [{ name: 'flow_cache' }],
      },
    ]);
  });

  it.each(['group=team', 'since=20m', 'since=1s&until=5s', 'ip=10.0.0.1', 'pd=1'])('refuses %s', async (query) => {
    expect((await get(`/api/v1/service-map?${query}`)).status).toBe(400);
  });
});

describe('WS /api/v1/live', () => {
  it('sends status, then flows with their history first', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow({ destination_port: 1 }), DROP]);
    const client = new LiveClient(hub);
    expect(await client.next('status')).toMatchObject({ mode: 'live', nodes: [{ name: 'node-a', connected: true }] });
    await client.subscribe({ flows: { max_rate: 100, last: 5, filter: { namespace: ['shop'] } } });
    const first = await client.next('flows');
    expect(first.rows.map((row) => row.id)).toEqual([1, 2]);
    await agent.deliver([flow({ source_endpoint: 0, destination_endpoint: 0 }), flow({ destination_port: 7 })]);
    const second = await client.next('flows');
    expect(second).toMatchObject({ sampled: 1, matched: 1, rows: [{ id: 4 }] });
  });

  it('samples what is too much, and says so', async () => {
    const agent = await new FakeAgent(hub).start();
    const client = new LiveClient(hub);
    await client.subscribe({ flows: { max_rate: 40, last: 0 } });
    expect((await client.next('flows')).rows).toEqual([]);
    await agent.deliver([...Array.from({ length: 1000 }, () => flow()), DROP]);
    const message = await client.next('flows');
    expect(message.matched).toBe(1001);
    expect(message.sampled).toBeGreaterThanOrEqual(100);
    expect(message.rows.length).toBeLessThanOrEqual(11);
    expect(message.rows.at(-1)?.flow.verdict).toBe('DROPPED');
  });

  it('sends map and timeline at once, and ends them', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.counters, counters([edge(4)]));
    await agent.deliver([flow()]);
    const client = new LiveClient(hub);
    await client.subscribe({ map: { group: 'workload', window_s: 60 }, timeline: { window_s: 60, bucket_s: 1 } });
    expect((await client.next('map')).map.edges).toHaveLength(1);
    expect((await client.next('timeline')).buckets).toHaveLength(60);
    await client.next('map');
    await client.subscribe({ map: null });
    await delay(300);
    client.messages.length = 0;
    await client.next('timeline');
    await client.next('timeline');
    expect(client.messages.filter((message) => message.type === 'map')).toEqual([]);
  });

  it.each([
    ['not JSON', 'x', /not JSON/],
    [
      'an unknown filter',
      '{"type":"subscribe","flows":{"max_rate":1,"last":1,"filter":{"podd":["x"]}}}',
      /"podd".*"pod"/,
    ],
    ['a rate out of bounds', '{"type":"subscribe","flows":{"max_rate":1e9,"last":1}}', /flows.max_rate/],
    [
      'a flow filter for the map',
      '{"type":"subscribe","map":{"group":"pod","window_s":60,"filter":{"ip":["10.0.0.1"]}}}',
      /not possible for the map/,
    ],
  ])('answers %s with an error', async (_, text, detail) => {
    const client = new LiveClient(hub);
    await once(client.socket, 'open');
    client.socket.send(text);
    expect((await client.next('error')).detail).toMatch(detail);
  });

  it('refuses pages of other origins', async () => {
    const client = new LiveClient(hub, { Origin: 'http://evil.example' });
    const [error] = (await once(client.socket, 'error')) as [Error];
    expect(error.message).toContain('403');
  });
});

describe('the rest of HTTP', () => {
  it('healthz and readyz answer before any agent', async () => {
    expect(await (await get('/healthz')).text()).toBe('ok\n');
    expect((await get('/readyz')).status).toBe(200);
  });

  it('metrics carry the names of Hubble', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow(), flow(), DROP]);
    const text = await (await get('/metrics')).text();
    expect(text).toContain(
      'hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-endpoint",verdict="FORWARDED"} 2',
    );
    expect(text).toContain('hubble_drop_total{reason="SERVICE_BACKEND_NOT_FOUND",protocol="TCP"} 1');
    expect(text).toContain('hubble_lost_events_total{source="perf_event_ring_buffer"} 0');
    expect(text).toContain('spyglass_hub_stored_flows 3');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it.each([
    ['GET', '/api/v1/nothing', 404],
    ['POST', '/api/v1/flows', 405],
    ['GET', '/api/v1/live', 426],
    ['GET', '/api/v1/status?x=1', 400],
    ['GET', '/%', 404],
  ])('%s %s: %i', async (method, path, expected) => {
    const response = await get(path, { method });
    expect(response.status).toBe(expected);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    if (expected === 405) expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it('says how to get a UI that is not built', async () => {
    const response = await get('/', { headers: { Accept: 'text/html' } });
    expect(response.status).toBe(503);
    expect(((await response.json()) as { detail: string }).detail).toContain('build:web');
  });

  it('refuses to listen beyond this machine, or on a taken port', async () => {
    const options = { port: 0, memory: 1024 * 1024, version: '0', log: pino({ level: 'silent' }) };
    await expect(startHub({ ...options, host: '0.0.0.0' })).rejects.toThrow(/only this machine/);
    const port = Number(new URL(hub.url).port);
    await expect(startHub({ ...options, host: '127.0.0.1', port })).rejects.toThrow(/another process does/);
  });

  it('closes within two seconds, whoever is connected', async () => {
    const other = await startHub({
      host: 'localhost',
      port: 0,
      memory: 1024 * 1024,
      version: '0',
      log: pino({ level: 'silent' }),
    });
    const agent = await new FakeAgent(other).start();
    const client = new LiveClient(other);
    await client.next('status');
    const stream = await fetch(`${other.url}/api/v1/flows?follow=true`);
    const started = performance.now();
    await other.close();
    expect(performance.now() - started).toBeLessThan(2000);
    for (const { socket } of [agent, client]) {
      if (socket.readyState !== socket.CLOSED) await once(socket, 'close');
    }
    await stream.body?.cancel().catch(() => undefined);
  });
});
