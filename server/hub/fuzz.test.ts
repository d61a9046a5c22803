/**
 * A hub among clients that send what no client should, for a bounded time: random and mangled queries, bodies, agent messages, Hubble
 * requests. Each is refused with a reason, or answered; meanwhile an honest agent's flows all reach an honest follower, and
 * memory does not grow. The seed is fixed; how far it comes depends on the machine.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { status as code } from '@grpc/grpc-js';
import { pack } from 'msgpackr';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { BATCH_HEADER, KIND } from '../wire/agent.ts';
import type { GetFlowsResponse } from '../wire/hubble.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { random } from '../flows/l7/testing/random.ts';
import { writeRecord } from '../flows/record-writer.ts';
import { OBSERVER } from './grpc/protocol.ts';
import { type RunningHub, startHub } from './hub.ts';
import { openApiDocument } from './openapi/document.ts';
import { endOf, GrpcClient } from './testing/grpc-client.ts';
import { DICTIONARY, FakeAgent, flow, HELLO } from './testing/hub-bed.ts';

const next = random(20261123);
const FUZZ_MS = 1200;
/** Bytes; thousands of faults that each left a kilobyte would be more. */
const MAX_GROWTH = 8 * 1024 * 1024;
const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T;

/** Values at the edges of what readers of text expect. */
const TEXTS = [
  '',
  '0',
  '-1',
  '1e9',
  '99999999999999999999',
  'NaN',
  '.',
  '..',
  '../../etc/passwd',
  '\u0000',
  '\uD800',
  'é😀',
  '%',
  "'; DROP TABLE flows; --",
  '(a+)+$',
  '[',
  '{{{',
  '__proto__',
  'constructor',
  '2026-13-45T99:99:99Z',
  '0000-00-00',
  '9999999999999h',
  '1m1m1m',
  '::/999',
  '10.0.0.0/-1',
  '256.256.256.256',
  '65536',
  'shop/',
  '/',
  ',',
  'a,b,,c',
  'x'.repeat(2000),
];
const KEYS = ['filter', 'fields', 'target', 'type', 'name', 'endpoint', 'max_bytes', '__proto__', 'toString', ''];

const text = (): string => (next(3) === 0 ? bytes(next(40)).toString('latin1') : pick(TEXTS));
const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => next(256)));

/** Any value of JSON, a few levels deep. */
function anything(depth = 0): unknown {
  const kind = next(depth > 3 ? 4 : 7);
  if (kind === 0) return text();
  if (kind === 1) return pick([0, -1, 1.5, 2 ** 53, 1e308, -0]);
  if (kind === 2) return pick([true, false, null]);
  if (kind === 3) return pick(['file', 'otlp', 'flows.log', 'http://127.0.0.1/']);
  if (kind === 4) return Array.from({ length: next(4) }, () => anything(depth + 1));
  return Object.fromEntries(Array.from({ length: next(5) }, () => [pick(KEYS), anything(depth + 1)]));
}

/** The message with some of its bytes changed, cut or repeated. */
function mangled(message: Buffer): Buffer {
  const copy = Buffer.from(message);
  for (let i = next(6); i >= 0 && copy.length > 0; i--) copy[next(copy.length)] = pick([0, 0xff, 0x7f, next(256)]);
  const kind = next(4);
  if (kind === 0) return copy.subarray(0, next(copy.length + 1));
  return kind === 1 ? Buffer.concat([copy, bytes(next(64))]) : copy;
}

let folder: string;
let hub: RunningHub;
let honest: FakeAgent;
let grpc: GrpcClient;
const bugs: string[] = [];
/** Source ports of the flows that the honest agent sent, and that the follower got. */
const sent: number[] = [];
const followed: (number | undefined)[] = [];
const stopping = new AbortController();
const leaving = new AbortController();
let sending: Promise<void>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-fuzz-'));
  const log = pino({ level: 'error' }, { write: (line: string) => void bugs.push(line) });
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 2 * 1024 * 1024,
    history: null,
    version: '0.1.0',
    uiFolder: '/nonexistent',
    log,
    grpc: { host: '127.0.0.1', port: 0 },
    exports: { folder, endpoints: [] },
  });
  grpc = new GrpcClient(hub.grpcAddress ?? '');
  honest = await new FakeAgent(hub).start({ node: 'honest' });
  const { signal } = leaving;
  const response = await fetch(`${hub.url}/api/v1/flows?follow=true&node-name=honest`, { signal });
  follow(response).catch((error: unknown) => {
    if (!signal.aborted) bugs.push(String(error));
  });
  sending = sendFlows();
});
afterAll(async () => {
  stopping.abort();
  leaving.abort();
  grpc.close();
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sendFlows(): Promise<void> {
  for (let port = 1; !stopping.signal.aborted; port++) {
    await honest.deliver([flow({ source_port: port })]);
    sent.push(port);
    await sleep(20);
  }
}

async function follow(response: Response): Promise<void> {
  let rest = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) followed.push((JSON.parse(line) as GetFlowsResponse).flow?.l4?.TCP?.source_port);
  }
}

/** What the promise gives; throws if it takes so long that the hub must have forgotten about it. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the hub has not answered for 5 s')), 5000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls `attempt` for a while; gives how often. */
async function forAWhile(attempt: () => Promise<unknown>): Promise<number> {
  const end = Date.now() + FUZZ_MS;
  let count = 0;
  for (; Date.now() < end; count++) await attempt();
  return count;
}

const document = openApiDocument('0.1.0');
const operations = Object.entries(document.paths)
  .filter(([path]) => path.startsWith('/api/'))
  .flatMap(([path, methods]) => Object.entries(methods).map(([method, it]) => ({ path, method, ...it })));

async function askWrongly(): Promise<void> {
  const { path, method, parameters } = pick(operations);
  const query = new URLSearchParams();
  for (let i = next(4); i > 0; i--) {
    const name = parameters.length > 0 && next(10) > 0 ? pick(parameters).name : text();
    // A request that is followed has no end.
    if (name !== 'follow') query.append(name, next(4) === 0 ? pick(['json', '5m', 'shop/web', 'tcp']) : text());
  }
  const url = `${hub.url}${path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(pick(TEXTS.slice(1, 5))))}?${query}`;
  const body = method === 'post' ? (next(3) === 0 ? text() : JSON.stringify(anything())) : undefined;
  const response = await fetch(url, {
    method: method.toUpperCase(),
    headers: { 'Content-Type': next(10) === 0 ? 'text/plain' : 'application/json' },
    signal: AbortSignal.timeout(5000),
    ...(body === undefined ? {} : { body }),
  });
  const answer = await response.text();
  if (response.ok) return;
  expect(response.status, `${method} ${url} ${body ?? ''}: ${answer}`).toBeLessThan(500);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect((JSON.parse(answer) as { detail: string }).detail).toMatch(/^[A-Z"].{10,}\.$/s);
}

/** Bytes that are no HTTP, or nearly. */
async function speakWrongly(): Promise<void> {
  const request = Buffer.from(
    `${pick(['GET', 'POST', 'BREW', ''])} ${pick(['/api/v1/flows', '/%zz', '/api/v1/policies/%ff/%', '*', '//', `/${'a'.repeat(9000)}`])} ` +
      `HTTP/1.${next(3)}\r\nHost: ${pick(['localhost', 'evil.example', '', '127.0.0.1'])}\r\n` +
      `Content-Length: ${pick(['0', '-1', '99', '9'.repeat(30)])}\r\nConnection: close\r\n\r\n`,
  );
  const { port } = new URL(hub.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  let answer = '';
  socket.on('data', (data) => (answer += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.end(next(2) === 0 ? request : mangled(request));
  const timer = setTimeout(() => socket.destroy(), 200);
  await once(socket, 'close');
  clearTimeout(timer);
  expect(answer.slice(0, 12)).not.toMatch(/^HTTP\/1\.1 5/);
}

const control = (kind: number, message: unknown): Buffer => Buffer.concat([Buffer.of(kind), pack(message)]);

function batch(): Buffer {
  const header = Buffer.alloc(BATCH_HEADER.size);
  header[0] = KIND.batch;
  header.writeUInt32LE(2, BATCH_HEADER.count);
  header.writeBigUInt64LE(BigInt(1 + next(1000)), BATCH_HEADER.number);
  return Buffer.concat([header, ...[1, 2].map((port) => writeRecord(RECORD_LAYOUT, flow({ source_port: port })))]);
}

const MESSAGES: readonly (() => Buffer)[] = [
  () => control(KIND.dictionary, DICTIONARY),
  () => control(pick([KIND.dictionary, KIND.counters, KIND.l7, KIND.hello, KIND.ack]), anything()),
  // Lengths that are not there: an array, a map, a text and bytes of 4 GiB.
  () => Buffer.concat([Buffer.of(KIND.counters, pick([0xdd, 0xdf, 0xdb, 0xc6]), 0xff, 0xff, 0xff, 0xff), bytes(8)]),
  // Arrays in arrays.
  () => Buffer.concat([Buffer.of(KIND.dictionary), Buffer.alloc(50_000, 0x91)]),
  batch,
  () => bytes(next(200)),
];

async function actAsAgent(): Promise<void> {
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/v1/agents`);
  socket.on('error', () => undefined);
  const closed = new Promise<{ number: number; reason: string }>((resolve) => {
    socket.on('close', (number, reason) => resolve({ number, reason: reason.toString() }));
  });
  await once(socket, 'open');
  const hello = control(KIND.hello, { ...HELLO, node: `node-${next(4)}`, session: `s${next(50)}` });
  socket.send(next(5) === 0 ? mangled(hello) : hello);
  for (let i = next(6); i > 0; i--) {
    const message = pick(MESSAGES)();
    socket.send(next(2) === 0 ? message : mangled(message));
  }
  // A hub that has found no fault answers the ping.
  socket.ping();
  const answered = once(socket, 'pong').then(() => null);
  const outcome = await inTime(Promise.race([closed, answered]));
  if (outcome !== null) {
    expect([1002, 4001], outcome.reason).toContain(outcome.number);
    expect(outcome.reason.length).toBeGreaterThan(10);
  }
  socket.terminate();
}

async function actAsPage(): Promise<void> {
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}${pick(['/api/v1/live', '/api/v1/stream'])}`);
  socket.on('error', () => undefined);
  await once(socket, 'open');
  const subscribe = { type: 'subscribe', flows: { max_rate: 5, last: 5, filter: { pod: [text()] } }, map: anything() };
  socket.send(next(2) === 0 ? JSON.stringify(subscribe) : next(2) === 0 ? bytes(2000) : JSON.stringify(anything()));
  socket.ping();
  const answered = Promise.race([once(socket, 'pong'), new Promise((resolve) => socket.on('close', resolve))]);
  await inTime(answered);
  socket.terminate();
}

const { requestSerialize } = OBSERVER['GetFlows'] as { requestSerialize: (it: object) => Buffer };

async function askHubbleWrongly(): Promise<void> {
  const filter = {
    source_ip: [text()],
    source_pod: [text()],
    http_path: [text()],
    source_label: [text()],
    verdict: [next(99)],
  };
  const request = requestSerialize({
    number: String(next(10)),
    whitelist: [Object.fromEntries(Object.entries(filter).filter(() => next(3) === 0))],
    since: { seconds: pick(['0', '-1', '9223372036854775807']), nanos: pick([0, -1, 2 ** 31 - 1]) },
    field_mask: next(3) === 0 ? { paths: [text()] } : null,
  });
  const stream = grpc.raw(next(2) === 0 ? request : mangled(request));
  // A request may have been mangled into one that follows, which has no end.
  const timer = setTimeout(() => stream.cancel(), 500);
  const { code: status, details } = await inTime(endOf(stream));
  clearTimeout(timer);
  expect([code.OK, code.INVALID_ARGUMENT, code.UNIMPLEMENTED, code.OUT_OF_RANGE, code.CANCELLED], details).toContain(
    status,
  );
  if (status !== code.OK && status !== code.CANCELLED) expect(details.length).toBeGreaterThan(10);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, when all that can be has been given back. */
async function inUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await sleep(50);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('refuses with a reason, forgets, and serves the others', { timeout: 60_000 }, async () => {
  const kinds = [askWrongly, speakWrongly, actAsAgent, actAsPage, askHubbleWrongly];
  // What is made once, such as compiled expressions, or is bounded, such as names of sessions, is made here.
  for (const attempt of kinds) await forAWhile(attempt);
  const before = await inUse();
  for (const attempt of kinds) expect(await forAWhile(attempt), attempt.name).toBeGreaterThan(20);
  const grown = (await inUse()) - before;
  expect(grown).toBeLessThan(MAX_GROWTH);
  expect(bugs).toEqual([]);

  stopping.abort();
  await sending;
  for (let i = 0; i < 100 && followed.length < sent.length; i++) await sleep(50);
  expect(sent.length).toBeGreaterThan(20);
  expect(followed).toEqual(sent);
});
