/** A real hub on a free port, and agents and pages that speak its real protocols. */
import { once } from 'node:events';
import { pack, unpack } from 'msgpackr';
import { pino } from 'pino';
import { afterEach, beforeEach, expect } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import {
  type Ack,
  AGENT_PROTOCOL_VERSION,
  BATCH_HEADER,
  type Dictionary,
  type Hello,
  KIND,
  type Welcome,
} from '../../wire/agent.ts';
import type { GetFlowsResponse } from '../../wire/hubble.ts';
import type { LiveMessage } from '../../wire/live.ts';
import type { RecordLayout } from '../../wire/layout.ts';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import type { HubStatus } from '../../wire/status.ts';
import { type RecordFields, writeRecord } from '../../flows/record-writer.ts';
import { nowNs } from '../../flows/timestamp.ts';
import { type HubOptions, type RunningHub, startHub } from '../hub.ts';

export const HELLO: Hello = {
  protocol: AGENT_PROTOCOL_VERSION,
  node: 'node-a',
  session: 's1',
  boot_id: 'b1',
  counters_id: 'c1',
  version: '0.1.0',
  layout: RECORD_LAYOUT,
  mode: 'live',
};

export const DICTIONARY: Dictionary = {
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
export function flow(more: RecordFields = {}): RecordFields {
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
export const DROP = flow({ type: 5, verdict: 2, drop_reason: 158, destination_endpoint: 0, flags: 0 });

export interface BatchOptions {
  number?: number;
  lost?: number;
  /** Unix ns. */
  at?: bigint;
}

/** An agent as the hub sees it, with what a test makes it say. */
export class FakeAgent {
  readonly socket: WebSocket;
  readonly #replies: Buffer[] = [];
  #layout: RecordLayout = RECORD_LAYOUT;
  #number = 0;
  #sequence = 0;

  constructor(hub: Pick<RunningHub, 'url'>, options: ClientOptions = {}) {
    this.socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/v1/agents`, options);
    this.socket.on('message', (data) => this.#replies.push(data as Buffer));
    this.socket.on('error', () => undefined);
  }

  send(kind: number, message: object): void {
    this.socket.send(Buffer.concat([Buffer.of(kind), pack(message)]));
  }

  async hello(hello: Partial<Hello> = {}): Promise<Welcome> {
    await once(this.socket, 'open');
    this.#layout = hello.layout ?? RECORD_LAYOUT;
    this.send(KIND.hello, { ...HELLO, ...hello });
    return this.reply<Welcome>(KIND.welcome);
  }

  async start(hello: Partial<Hello> = {}, dictionary: Dictionary = DICTIONARY): Promise<this> {
    await this.hello(hello);
    this.send(KIND.dictionary, dictionary);
    return this;
  }

  /** The records' time is their place in the batch, in ns, after `at` (Unix ns). */
  batch(records: RecordFields[], options: BatchOptions = {}): number {
    this.#number = options.number ?? this.#number + 1;
    const header = Buffer.alloc(BATCH_HEADER.size);
    header[0] = KIND.batch;
    header.writeUInt32LE(records.length, BATCH_HEADER.count);
    header.writeBigUInt64LE(BigInt(this.#number), BATCH_HEADER.number);
    header.writeBigInt64LE(options.at ?? nowNs(), BATCH_HEADER.clock_offset_ns);
    header.writeBigUInt64LE(BigInt(options.lost ?? 0), BATCH_HEADER.lost);
    header.writeBigUInt64LE(BigInt(this.#sequence), BATCH_HEADER.first_sequence);
    this.#sequence += records.length;
    const bytes = records.map((fields, i) => writeRecord(this.#layout, { time_ns: i, ...fields }));
    this.socket.send(Buffer.concat([header, ...bytes]));
    return this.#number;
  }

  /** The next batch begins so many records later than the one before it ended. */
  skip(records: number): void {
    this.#sequence += records;
  }

  /** Sends a batch and waits until the hub holds it for good. */
  async deliver(records: RecordFields[], options: BatchOptions = {}): Promise<void> {
    const number = this.batch(records, options);
    await this.settled(number);
  }

  /** Waits until the hub says that it holds all batches up to this one for good, however long that takes. */
  async settled(number: number): Promise<void> {
    for (;;) {
      const next = this.#replies.shift();
      if (next === undefined) await once(this.socket, 'message');
      else if (next[0] === KIND.ack && (unpack(next.subarray(1)) as Ack).batch >= number) return;
    }
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

/** A page on the live stream. */
export class LiveClient {
  readonly socket: WebSocket;
  readonly messages: LiveMessage[] = [];

  constructor(hub: Pick<RunningHub, 'url'>, headers: Record<string, string> = {}) {
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

/** As it is for those who may see everything. */
export type FullStatus = HubStatus & { flows: NonNullable<HubStatus['flows']> };

/** Gives each test of the file a hub of its own, and ways to ask it. */
export class HubBed {
  #hub: RunningHub | undefined;

  /** `more`: asked for before each start. */
  constructor(more: () => Partial<HubOptions> = () => ({})) {
    beforeEach(async () => {
      this.#hub = await startHub({
        host: '127.0.0.1',
        port: 0,
        memory: 4 * 1024 * 1024,
        version: '0.1.0',
        grpc: { host: '127.0.0.1', port: 0 },
        history: null,
        log: pino({ level: 'silent' }),
        uiFolder: '/nonexistent',
        ...more(),
      });
    });
    afterEach(async () => {
      await this.hub.close();
    });
  }

  get hub(): RunningHub {
    if (this.#hub === undefined) throw new Error('there is a hub only while a test runs');
    return this.#hub;
  }

  async get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.hub.url}${path}`, init);
  }

  async flows(query: string): Promise<GetFlowsResponse[]> {
    const response = await this.get(`/api/v1/flows?${query}`);
    expect(response.status).toBe(200);
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as GetFlowsResponse);
  }

  async status(): Promise<FullStatus> {
    return (await (await this.get('/api/v1/status')).json()) as FullStatus;
  }
}
