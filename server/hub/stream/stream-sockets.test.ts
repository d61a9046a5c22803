/** Readers of the stream over real sockets, without agents. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { CLOSE_SLOW, FRAME, type Frame, readFrame } from '../../wire/stream.ts';
import { HubState, type Stats } from '../hub-state.ts';
import type { AgentLink } from '../ingest/ingest.ts';
import { StreamSockets } from './stream-sockets.ts';

const MAX_UNSENT = 1024 * 1024;
/** More than the kernel's buffers of both sockets take. */
const LARGE = Buffer.alloc(512 * 1024);

let stats: Stats;
let streams: StreamSockets;
let server: WebSocketServer;

beforeEach(async () => {
  ({ stats } = new HubState({ memory: 1024 * 1024, version: '' }));
  streams = new StreamSockets(stats, pino({ level: 'silent' }), MAX_UNSENT);
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => streams.accept(socket));
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

async function reader(): Promise<WebSocket> {
  const before = stats.recorders;
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(socket, 'open');
  while (stats.recorders === before) await sleep(5);
  return socket;
}

it('cuts a reader that does not read; the other gets everything', async () => {
  const frames: (Frame | string)[] = [];
  const good = await reader();
  good.on('message', (data) => frames.push(readFrame(data as Buffer)));
  const slow = await reader();
  slow.pause();
  const link = {} as AgentLink;
  streams.began(link, Buffer.of(1));
  let sent = 0;
  for (; stats.slowReaders === 0 && sent < 100; sent++) {
    streams.message(link, LARGE);
    while (frames.length < sent + 2) await sleep(1);
  }
  streams.ended(link);
  while (frames.length < sent + 2) await sleep(1);
  expect(stats).toMatchObject({ slowReaders: 1, recorders: 1 });
  expect(frames.map((it) => (typeof it === 'string' ? it : [it.kind, it.stream]))).toEqual([
    [FRAME.begin, 1],
    ...Array.from({ length: sent }, () => [FRAME.message, 1]),
    [FRAME.end, 1],
  ]);
  slow.resume();
  const [code, reason] = (await once(slow, 'close')) as [number, Buffer];
  expect([code, reason.toString()]).toEqual([CLOSE_SLOW, 'more than 1048576 bytes waited for it']);
});

it('takes eight readers', async () => {
  for (let i = 0; i < 8; i++) await reader();
  const ninth = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [code] = (await once(ninth, 'close')) as [number];
  expect(code).toBe(1013);
});
