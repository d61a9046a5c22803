/**
 * Messages of real connections between pods, from the programs that capture them through the ring to what is told of them:
 * every request and every answer, once, whatever of their bytes was left out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { L7Message } from '../../server/wire/l7.ts';
import { Listener } from './listener.ts';
import { useOneProcessor } from './one-processor.ts';
import { until, World } from './world.ts';

const PEER = join(import.meta.dirname, 'l7-peer.mjs');
const VIP = '10.96.0.10';
const CAPTURE = 1024;
const COUNT = 300;

let world: World;
let listener: Listener;
const children: ChildProcess[] = [];

beforeAll(async () => {
  useOneProcessor();
  world = await World.create({ config_l7_bytes: CAPTURE });
  await world.addPods('client', 'server');
  world.setService('web', [VIP], 80, 8080, 'TCP', ['server']);
  world.apply();
  await serve('http', 8080);
  await serve('http2', 8082);
  listener = new Listener(world);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

function serve(protocol: string, port: number): Promise<void> {
  const args = [process.execPath, PEER, 'server', protocol, '0.0.0.0', String(port)];
  const [program = '', ...rest] = world.inside('server', args);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

test.each([
  // Answers that fit what is captured, that are longer, and heads that are longer than what is captured.
  ['http', VIP, 80, 20, 50],
  ['http', VIP, 80, 5000, 50],
  ['http', VIP, 80, 100_000, 3000],
  ['http2', 'server', 8082, 20, 50],
  ['http2', 'server', 8082, 100_000, 500],
] as const)('%s by %s:%d: answers of %d bytes after heads of %d', async (protocol, to, port, bytes, header) => {
  const before = listener.series();
  const address = to === 'server' ? world.v4('server') : to;
  const began = performance.now();
  const received = world.exec(
    'client',
    process.execPath,
    PEER,
    'client',
    ...[protocol, address, port, COUNT, bytes, header].map(String),
  );
  const tookNs = (performance.now() - began) * 1e6;
  expect(Number(received)).toBe(COUNT * bytes);
  const events: L7Message[] = [];
  await until('all is read, and the connection is forgotten', () => {
    events.push(...listener.messages());
    return events.length > 0 && listener.connections === 0;
  });
  expect(listener.losses).toEqual({ gaps: 0, malformed: 0, unsent: 0, evicted: 0 });
  const urls = (kind: L7Message['kind']): string[] =>
    events.filter((it) => it.kind === kind).map((it) => (it.http?.url ?? '').replace(/^http:\/\/[^/]*/, ''));
  const asked = Array.from({ length: COUNT }, (_, i) => `/${bytes}/${i}`);
  expect(urls('REQUEST')).toEqual(asked);
  expect(urls('RESPONSE')).toEqual(asked);
  expect(urls('SAMPLE')).toEqual([]);
  const answers = events.filter((it) => it.kind === 'RESPONSE');
  expect(new Set(answers.map((it) => it.http?.code))).toEqual(new Set([200]));
  // Latencies are those of single exchanges, so all of them fit the time of the run.
  const latency = answers.reduce((sum, it) => sum + (it.latency_ns ?? 0), 0);
  expect(Math.min(...answers.map((it) => it.latency_ns ?? 0))).toBeGreaterThan(0);
  expect(latency).toBeLessThan(tookNs);
  const series = listener.series();
  const more = (what: 'requests' | 'responses'): number =>
    series.reduce((sum, it) => sum + it[what], 0) - before.reduce((sum, it) => sum + it[what], 0);
  expect([more('requests'), more('responses')]).toEqual([COUNT, COUNT]);
  expect(series.at(-1)).toMatchObject({
    source_endpoint: world.pod('client').endpointId,
    destination_endpoint: world.pod('server').endpointId,
    protocol,
    peer: '',
  });
});
