/**
 * What is captured of real connections, between every two places that one may lead: each message's head once, also out
 * of packets that are larger than a page, and no byte twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Capture, CaptureReader } from './capture-reader.ts';
import { useOneProcessor } from './one-processor.ts';
import { until, World, WORLD } from './world.ts';

const PEER = join(import.meta.dirname, 'l7-peer.mjs');
const VIPS = ['10.96.0.10', 'fd96::10'];
const MAX_CAPTURE = 8192;
const COUNT = 5;
const FRAME_HEAD = 9;

let world: World;
let reader: CaptureReader;
const children: ChildProcess[] = [];

beforeAll(async () => {
  useOneProcessor();
  world = await World.create({ config_l7_bytes: MAX_CAPTURE });
  await world.addPods('client', 'server');
  world.addWorld();
  world.setService('web', VIPS, 80, 8080, 'TCP', ['server']);
  const pods = world.state.pods.map((it) =>
    it.name === 'client' ? { ...it, annotations: { 'spyglass.io/l7': 'full' } } : it,
  );
  world.state.pods = pods;
  world.apply();
  for (const place of ['client', 'server', 'host', 'world']) {
    for (const address of ['0.0.0.0', '::']) {
      await serve(place, 'http', address, address === '::' ? 8081 : 8080);
      await serve(place, 'http2', address, address === '::' ? 8083 : 8082);
    }
  }
  reader = new CaptureReader(world.datapath.maps.captures);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  reader[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

function serve(place: string, protocol: string, address: string, port: number): Promise<void> {
  const [program = '', ...args] = world.inside(place, [
    process.execPath,
    PEER,
    'server',
    protocol,
    address,
    String(port),
  ]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code) => reject(new Error(`the server in ${place} ended with ${code}`)));
  });
}

/** COUNT exchanges, and what was captured of them once the connection has ended. */
async function exchange(
  from: string,
  protocol: string,
  address: string,
  port: number,
  bytes: number,
  header: number,
): Promise<Capture[]> {
  reader.read();
  const args = [protocol, address, port, COUNT, bytes, header].map(String);
  const received = Number(world.exec(from, process.execPath, PEER, 'client', ...args));
  expect(received).toBe(COUNT * bytes);
  const captures: Capture[] = [];
  await until('the end of the connection is told', () => {
    captures.push(...reader.read());
    return captures.some((it) => it.flags.includes('END'));
  });
  return captures;
}

/** A direction as far as it was captured: its bytes by position. @throws Error if a byte was captured twice. */
class Direction {
  readonly #parts: { at: number; bytes: Buffer }[] = [];
  readonly length: number;

  constructor(captures: readonly Capture[], isReply: boolean) {
    let length = 0;
    const own = captures.filter((it) => it.isReply === isReply && !it.flags.includes('END'));
    const [first] = own;
    if (first === undefined || !first.flags.includes('FIRST')) throw new Error('the first payload was not captured');
    for (const { sequence, bytes } of own) {
      const at = (sequence - first.sequence) >>> 0;
      if (at < length) throw new Error(`bytes from ${at} on were captured before, up to ${length}`);
      this.#parts.push({ at, bytes });
      length = at + bytes.length;
    }
    this.length = length;
  }

  get text(): string {
    return this.#parts.map((it) => it.bytes.toString('latin1')).join('\0');
  }

  /** @throws Error if one of the bytes was not captured. */
  bytes(at: number, count: number): Buffer {
    const out = Buffer.alloc(count);
    let missing = count;
    for (const part of this.#parts) {
      const [from, to] = [Math.max(at, part.at), Math.min(at + count, part.at + part.bytes.length)];
      if (to <= from) continue;
      part.bytes.copy(out, from - at, from - part.at, to - part.at);
      missing -= to - from;
    }
    if (missing > 0) throw new Error(`${missing} of ${count} bytes at ${at} were not captured`);
    return out;
  }
}

const v4 = (place: string): string => (place === 'host' ? '10.42.0.1' : place === 'world' ? WORLD.v4 : world.v4(place));
const v6 = (place: string): string => (place === 'host' ? 'fd42::1' : place === 'world' ? WORLD.v6 : world.v6(place));

const WAYS: [from: string, to: string, mode: string][] = [
  ['client', 'server', 'METADATA'],
  ['server', 'client', 'FULL'],
  ['client', 'host', 'FULL'],
  ['host', 'server', 'METADATA'],
  ['client', 'world', 'FULL'],
];

test.each(WAYS.flatMap((way) => [[...way, 'IPv4'] as const, [...way, 'IPv6'] as const]))(
  'HTTP from %s to %s, %s, %s',
  async (from, to, mode, family) => {
    const [address, port] = family === 'IPv4' ? [v4(to), 8080] : [v6(to), 8081];
    const captures = await exchange(from, 'http', address, port, 200_000, 5000);
    expect(new Set(captures.map((it) => it.protocol))).toEqual(new Set(['HTTP']));
    expect(new Set(captures.map((it) => it.mode))).toEqual(new Set([mode]));
    expect(new Set(captures.map((it) => it.record.connection_id)).size).toBe(1);
    // Out of packets that are larger than a page.
    expect(Math.max(...captures.map((it) => it.bytes.length))).toBeGreaterThan(4096);
    const requests = new Direction(captures, false).text.split('\0').join('');
    const answers = new Direction(captures, true).text;
    for (let i = 0; i < COUNT; i++) {
      expect(requests.split(`GET /200000/${i} HTTP/1.1\r\n`)).toHaveLength(2);
      expect(answers.split(`x-number: ${i}\r\n`)).toHaveLength(2);
    }
    expect(requests.split(`x-padding: ${'h'.repeat(5000)}\r\n`)).toHaveLength(COUNT + 1);
    expect(answers.split('HTTP/1.1 200 OK\r\n')).toHaveLength(COUNT + 1);
    expect(captures.filter((it) => it.flags.includes('END'))).toHaveLength(1);
  },
);

test('through a service, the ends are the client and the backend', async () => {
  const captures = await exchange('client', 'http', VIPS[0] ?? '', 80, 10, 10);
  const { endpointId: client } = world.pod('client');
  const { endpointId: server } = world.pod('server');
  for (const { record, isReply } of captures) {
    expect([record.source_endpoint, record.destination_endpoint]).toEqual(
      isReply ? [server, client] : [client, server],
    );
    expect([record.destination_port, record.source_port][isReply ? 1 : 0]).toBe(8080);
    expect(record.original_port).toBe(80);
  }
  expect(new Direction(captures, true).text.split('HTTP/1.1 200 OK\r\n')).toHaveLength(COUNT + 1);
});

test.each([
  ['client', 'server', 'IPv4'],
  ['client', 'server', 'IPv6'],
  ['host', 'server', 'IPv4'],
  ['client', 'world', 'IPv6'],
])('HTTP/2 from %s to %s, %s: each frame is followed to the end', async (from, to, family) => {
  const bytes = 300_000;
  const [address, port] = family === 'IPv4' ? [v4(to), 8082] : [v6(to), 8083];
  const captures = await exchange(from, 'http2', address, port, bytes, 500);
  for (const isReply of [false, true]) {
    const direction = new Direction(captures, isReply);
    let [at, data, headers, ended] = [isReply ? 0 : 24, 0, 0, 0];
    while (at < direction.length) {
      const head = direction.bytes(at, FRAME_HEAD);
      const [length, type, flags] = [head.readUIntBE(0, 3), head[3] ?? 0, head[4] ?? 0];
      if (type === 0) data += length;
      else direction.bytes(at + FRAME_HEAD, length);
      if (type === 1) headers++;
      if (type <= 1) ended += flags & 1;
      at += FRAME_HEAD + length;
    }
    expect({ data, headers, ended }).toEqual({ data: isReply ? COUNT * bytes : 0, headers: COUNT, ended: COUNT });
  }
});
