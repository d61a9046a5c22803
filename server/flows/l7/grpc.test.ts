import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { Http2Parser } from './http2.ts';
import { cut, feed } from './testing/feed.ts';
import { random } from './testing/random.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import { type Piece, tap } from './testing/tap.ts';

const CHARGE = '/shop.Payments/Charge';
const LIST = '/shop.Payments/List';
const same = (it: Buffer): Buffer => it;
const method = (path: string, responseStream: boolean) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const SERVICE: ServiceDefinition = { Charge: method(CHARGE, false), List: method(LIST, true) };

/** Calls of a real client to a real server over one connection, and what each came to. */
async function calls(): Promise<{ pieces: Piece[]; log: string[] }> {
  const log: string[] = [];
  const charge: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    const code = Number(call.request.toString());
    if (code === status.OK) done(null, Buffer.alloc(3000, 0x61));
    else done({ code, details: 'refused' });
  };
  const list: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    for (let i = 0; i < 5; i++) call.write(Buffer.alloc(500, 0x62));
    call.end();
  };
  const server = new Server();
  server.addService(SERVICE, { Charge: charge, List: list });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  await using relay = await tap(port);
  const client = new Client(`127.0.0.1:${relay.port}`, credentials.createInsecure());
  const unary = (path: string, code: number): Promise<void> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(path, same, same, Buffer.from(`${code}`), new Metadata(), (error) => {
        log.push(`${path.slice(1)} ${error?.code ?? status.OK}`);
        resolve();
      });
    });
  await unary(CHARGE, status.OK);
  await Promise.all([5, 0, 13, 0, 7, 0, 0, 16].map((code) => unary(CHARGE, code)));
  await unary('/shop.Payments/NoSuchMethod', 0);
  await new Promise<void>((resolve) => {
    const stream = client.makeServerStreamRequest(LIST, same, same, Buffer.from('all'));
    stream.resume();
    stream.on('status', ({ code }) => {
      log.push(`${LIST.slice(1)} ${code}`);
      resolve();
    });
  });
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const [pieces] = relay.streams;
  if (pieces === undefined) throw new Error('no connection');
  return { pieces, log };
}

const recorded = await calls();

test('every call of a real client, with the status that the client got', () => {
  expect(new Set(recorded.log.map((it) => it.replace(/^.* /, '')))).toEqual(new Set(['0', '5', '7', '12', '13', '16']));
  const below = random(5);
  for (let round = 0; round < 20; round++) {
    const sink = new RecordingSink();
    feed(
      new Http2Parser(sink, 'metadata'),
      round === 0 ? recorded.pieces : cut(recorded.pieces, 1 + below(300), below),
    );
    expect(sink.answers.toSorted()).toEqual(recorded.log.toSorted());
    expect(sink.requests.every((it) => it.startsWith('shop.Payments/'))).toBe(true);
    expect([...sink.protocols]).toEqual(['grpc']);
    expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
    const failed = sink.events.filter((it) => it.is_error === true);
    expect(failed.map((it) => it.grpc?.status ?? 0).toSorted((a, b) => a - b)).toEqual([5, 7, 12, 13, 16]);
  }
});
