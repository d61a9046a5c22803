/** gRPC: what a grpc-js service has logged of its calls is what we saw. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useOneProcessor } from '../one-processor.ts';
import { World } from '../world.ts';
import { Listener, tally } from '../listener.ts';
import { PeerServer } from './peer-server.ts';

const PROGRAM = join(import.meta.dirname, 'grpc-service.mjs');
const COUNT = 25;
let world: World;
let server: PeerServer;
let listener: Listener;

beforeAll(async () => {
  useOneProcessor();
  world = await World.create();
  await world.addPods('client', 'server');
  world.setService('echo', ['10.96.0.10', 'fd96::10'], 80, 9090, 'TCP', ['server']);
  server = new PeerServer(world, 'server');
  await server.start([process.execPath, PROGRAM, 'server', '9090', server.path('log')], 9090);
  listener = new Listener(world);
});
afterAll(async () => {
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test.each(['10.96.0.10', 'fd96::10'])(
  'by %s: unary calls, large answers, streams, statuses from trailers',
  (address) => {
    const from = server.read('log').length;
    listener.messages();
    world.exec('client', process.execPath, PROGRAM, 'client', address, '80', String(COUNT));
    const log = server.read('log').slice(from).trimEnd().split('\n');
    const messages = listener.messages();
    expect(new Set(messages.map((it) => it.protocol))).toEqual(new Set(['grpc']));
    const answers = messages.filter((it) => it.kind === 'RESPONSE');
    const known = answers.filter((it) => it.grpc?.service === 'test.v1.Echo');
    expect(tally(known.map((it) => `${it.grpc?.method} ${it.grpc?.status}`))).toEqual(tally(log));
    expect(log).toHaveLength(4 * COUNT);
    const [unknown] = answers.filter((it) => it.grpc?.service === 'test.v1.Nothing');
    expect(unknown).toMatchObject({ grpc: { method: 'Here', status: 12 }, is_error: true });
    expect(answers.every((it) => it.is_error === (it.grpc?.status !== 0))).toBe(true);
    expect(listener.losses).toMatchObject({ gaps: 0, malformed: 0 });
  },
);
