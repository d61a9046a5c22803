import { once } from 'node:events';
import { connect, constants, createServer, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import type { Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Http2Parser } from './http2.ts';
import { MAX_PARSER_BYTES, MAX_PENDING } from './parser.ts';
import { cut, feed, STEP_NS } from './testing/feed.ts';
import { random } from './testing/random.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import { listen, type Piece, tap } from './testing/tap.ts';

function parser(redaction: 'metadata' | 'full' = 'metadata'): { sink: RecordingSink; it: Http2Parser } {
  const sink = new RecordingSink();
  return { sink, it: new Http2Parser(sink, redaction) };
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = frame(4, 0, 0);

/** A frame; payload as hexadecimal digits or bytes. */
function frame(type: number, flags: number, id: number, payload: string | Buffer = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes]);
}

/** `name: value` without indexing. */
function literal(name: string, value: string): Buffer {
  const text = (it: string): Buffer => Buffer.concat([Buffer.of(it.length), Buffer.from(it)]);
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

const client = (...frames: Buffer[]): Piece => ({ fromClient: true, bytes: Buffer.concat(frames) });
const server = (...frames: Buffer[]): Piece => ({ fromClient: false, bytes: Buffer.concat(frames) });
const GET = '828684'; // GET http /
const OK = '88';

async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body = ''): Promise<void> {
  const stream = session.request(headers, { endStream: body === '' });
  if (body !== '') stream.end(body);
  await buffer(stream);
}

/** A real conversation: many streams at once, large headers, bodies both ways, trailers, resets. */
async function conversation(): Promise<{ pieces: Piece[]; log: string[] }> {
  const log: string[] = [];
  const http = createServer();
  http.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '';
    const code = path.startsWith('/missing') ? 404 : path.startsWith('/fails') ? 503 : 200;
    log.push(`${headers[':method'] ?? ''} ${path} ${code}`);
    stream.resume();
    stream.additionalHeaders({ ':status': 103, link: '</x>' });
    stream.respond(
      { ':status': code, 'x-long': path.repeat(20), 'set-cookie': ['a=1', 'b=2'] },
      { waitForTrailers: path === '/trailers' },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
    stream.end('b'.repeat(path.length * 100));
  });
  const port = await listen(http as unknown as Server);
  await using relay = await tap(port);
  const session = connect(`http://127.0.0.1:${relay.port}`);
  await ask(session, { ':path': '/first' });
  await Promise.all(Array.from({ length: 40 }, (_, i) => ask(session, { ':path': `/many/${i}`, 'x-id': `id${i}` })));
  // Longer than a frame may be, so it goes on in a CONTINUATION.
  await ask(session, { ':path': '/continued', 'x-a': 'a'.repeat(12_000), 'x-b': 'b'.repeat(12_000) });
  await ask(session, { ':path': '/trailers', ':method': 'POST' }, 'body'.repeat(10_000));
  await ask(session, { ':path': '/missing' });
  await ask(session, { ':path': '/fails', ':method': 'PUT' }, 'x');
  for (let i = 0; i < 30; i++) await ask(session, { ':path': '/again', 'x-changing': `value ${i}` });
  session.close();
  await once(session, 'close');
  http.close();
  const [pieces] = relay.streams;
  if (pieces === undefined) throw new Error('no connection');
  return { pieces, log };
}

const recorded = await conversation();
const sorted = (lines: readonly string[]): string[] => lines.toSorted();

test('a real conversation, whole', () => {
  const { sink, it } = parser();
  feed(it, recorded.pieces);
  // The block of 24 KB is longer than any that is decoded; its first fields are its path and its method.
  expect(sorted(sink.answers)).toEqual(sorted(recorded.log));
  expect(sink).toMatchObject({ gaps: 1, malformedMessages: 0 });
  expect(sink.events.filter((event) => event.kind === 'SAMPLE')).toEqual([]);
});

test('a real conversation, cut anywhere', () => {
  const below = random(9113);
  for (let round = 0; round < 40; round++) {
    const { sink, it } = parser();
    feed(it, cut(recorded.pieces, 1 + below(round < 5 ? 2 : 900), below));
    expect(sorted(sink.answers)).toEqual(sorted(recorded.log));
    expect(sink).toMatchObject({ gaps: 1, malformedMessages: 0 });
  }
});

/** The frames of a direction, as [whole frame, type]. */
function frames(pieces: readonly Piece[], fromClient: boolean): { bytes: Buffer; type: number }[] {
  const all = Buffer.concat(pieces.filter((it) => it.fromClient === fromClient).map((it) => it.bytes));
  const list: { bytes: Buffer; type: number }[] = [];
  let at = fromClient ? PREFACE.length : 0;
  while (at < all.length) {
    const end = at + 9 + all.readUIntBE(at, 3);
    list.push({ bytes: all.subarray(at, end), type: all[at + 3] as number });
    at = end;
  }
  return list;
}

test('a real conversation without what DATA carries', () => {
  const { sink, it } = parser();
  it.data(true, PREFACE, 0);
  for (const fromClient of [true, false]) {
    for (const { bytes, type } of frames(recorded.pieces, fromClient)) {
      it.data(fromClient, type === 0 ? bytes.subarray(0, 9) : bytes, 0);
      if (type === 0 && bytes.length > 9) it.skip(fromClient, bytes.length - 9);
    }
  }
  expect(sorted(sink.answers)).toEqual(sorted(recorded.log));
});

test('lost and cut frames: what is told later is right or unknown, never wrong', () => {
  const below = random(7541);
  let unknown = 0;
  for (let round = 0; round < 60; round++) {
    const { sink, it } = parser();
    it.data(true, PREFACE, 0);
    let wasLost = false;
    for (const { bytes, type } of frames(recorded.pieces, true)) {
      const chance = type === 1 ? below(12) : 1;
      if (chance === 0 && !wasLost) {
        // All of a frame, or its end.
        const kept = below(2) === 0 ? 0 : Math.min(bytes.length, 9 + below(30));
        if (kept > 0) it.data(true, bytes.subarray(0, kept), 0);
        if (kept < bytes.length) it.skip(true, bytes.length - kept);
        wasLost = true;
      } else {
        it.data(true, bytes, 0);
      }
    }
    const known = new Set(recorded.log.map((line) => line.replace(/ \d+$/, '')));
    for (const route of sink.requests) {
      if (route.includes('?')) unknown++;
      else expect(known).toContain(route);
    }
    if (wasLost) expect(sink.gaps).toBeGreaterThan(0);
    expect(sink.malformedMessages).toBe(0);
  }
  expect(unknown).toBeGreaterThan(0);
});

test('what an exchange tells', () => {
  const { sink, it } = parser();
  const head = Buffer.concat([
    Buffer.from('8286', 'hex'),
    literal(':path', '/orders/7?token=abc'),
    literal(':authority', 'shop:80'),
    literal('authorization', 'Bearer s3cret'),
    literal('traceparent', '00-ab-cd-01'),
  ]);
  feed(it, [client(PREFACE, SETTINGS, frame(1, 5, 1, head)), server(SETTINGS, frame(1, 4, 1, OK))]);
  const url = 'http://shop:80/orders/7?token=…';
  const headers = [
    { key: 'authorization', value: '' },
    { key: 'traceparent', value: '00-ab-cd-01' },
  ];
  const route = 'GET /orders/7';
  expect(sink.events).toEqual([
    { kind: 'REQUEST', protocol: 'http2', route, http: { method: 'GET', url, protocol: 'HTTP/2', headers } },
    {
      kind: 'RESPONSE',
      protocol: 'http2',
      latency_ns: STEP_NS,
      route,
      is_error: false,
      http: { code: 200, method: 'GET', url, protocol: 'HTTP/2', headers: [] },
    },
  ]);
});

const CALL = Buffer.concat([
  Buffer.from('8386', 'hex'),
  literal(':path', '/shop.Payments/Charge'),
  literal('content-type', 'application/grpc+proto'),
]);

test.each([
  ['in its trailers', [frame(1, 4, 1, OK), frame(0, 0, 1, '00'), frame(1, 5, 1, literal('grpc-status', '5'))], '5'],
  ['without a message', [frame(1, 5, 1, Buffer.concat([Buffer.of(0x88), literal('grpc-status', '0')]))], '0'],
  ['by resetting the stream', [frame(3, 0, 1, '00000008')], '1'],
  ['by refusing it', [frame(3, 0, 1, '00000007')], '14'],
  ['by HTTP alone', [frame(1, 5, 1, literal(':status', '503'))], '14'],
  ['with a message and no trailers', [frame(1, 4, 1, OK), frame(0, 1, 1, '00')], '2'],
])('gRPC: a call whose server answers %s', (_, frames_, status) => {
  const { sink, it } = parser();
  feed(it, [
    client(PREFACE, SETTINGS, frame(1, 4, 1, CALL)),
    server(SETTINGS),
    ...frames_.map((bytes) => server(bytes)),
  ]);
  expect([...sink.protocols, ...sink.requests]).toEqual(['grpc', 'shop.Payments/Charge']);
  expect(sink.responses).toEqual([
    {
      route: 'shop.Payments/Charge',
      code: status,
      isError: status !== '0',
      latencyNs: (1 + frames_.length) * STEP_NS,
    },
  ]);
  expect(sink.events[1]?.grpc).toEqual({ service: 'shop.Payments', method: 'Charge', status: Number(status) });
});

test('padding, priority and promises change nothing', () => {
  const { sink, it } = parser();
  feed(it, [
    client(PREFACE, SETTINGS, frame(1, 0x2d, 1, `03 80000000 10 ${GET} 000000`.replaceAll(' ', ''))),
    // PUSH_PROMISE of stream 2, whose answer nobody asked for.
    server(SETTINGS, frame(5, 4, 1, `00000002${GET}`), frame(1, 5, 2, OK), frame(1, 0xd, 1, `02${OK}0000`)),
  ]);
  expect(sink.answers).toEqual(['GET / 200']);
  expect(sink.events).toHaveLength(2);
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
});

test('requests that a server going away will not answer are forgotten', () => {
  const { sink, it } = parser();
  const request = (id: number): Buffer => frame(1, 5, id, GET);
  feed(it, [client(PREFACE, SETTINGS, request(1), request(3)), server(SETTINGS, frame(7, 0, 0, '0000000100000000'))]);
  const kept = it.bytes;
  feed(it, [server(frame(1, 5, 1, OK))]);
  expect(sink.answers).toEqual(['GET / 200']);
  expect(it.bytes).toBeLessThan(kept);
});

test('a capture that begins in the middle of the connection', () => {
  const { sink, it } = parser();
  it.skip(true, 1);
  feed(it, [client(frame(1, 5, 7, GET)), server(frame(1, 5, 7, `${OK}be`))]);
  // The path is in the static table; what the entry 62 was, nobody knows.
  expect(sink.answers).toEqual(['GET / 200']);
  expect(sink).toMatchObject({ gaps: 1, malformedMessages: 0 });
});

test.each([
  ['a frame of no stream', frame(1, 5, 0, GET)],
  ['a PING of 3 bytes', frame(6, 0, 0, '000000')],
  ['a header block that another frame breaks off', Buffer.concat([frame(1, 1, 1, GET), SETTINGS])],
  ['padding longer than its frame', frame(1, 0xd, 1, 'ff00')],
])('%s is malformed, and the next frame is read', (_, bytes) => {
  const { sink, it } = parser();
  feed(it, [client(PREFACE, SETTINGS, bytes), client(frame(1, 5, 9, GET))]);
  expect(sink.malformedMessages).toBe(1);
  expect([...sink.protocols, ...sink.requests]).toEqual(['http2', 'GET /']);
});

function guard(it: Http2Parser): void {
  if (it.bytes > MAX_PARSER_BYTES) throw new Error(`keeps ${it.bytes} bytes`);
}

test('hostile: 100,000 streams, and CONTINUATION without end', () => {
  const { sink, it } = parser();
  // CPU time: what else the machine does is not measured.
  const begin = process.cpuUsage();
  it.data(true, Buffer.concat([PREFACE, SETTINGS]), 0);
  for (let i = 0; i < 100_000; i++) {
    it.data(true, frame(1, 5, 2 * i + 1, GET), 0);
    guard(it);
  }
  expect(sink.requests).toHaveLength(100_000);
  it.data(
    false,
    Buffer.concat([SETTINGS, ...Array.from({ length: MAX_PENDING }, (_, i) => frame(1, 5, 199_999 - 2 * i, OK))]),
    0,
  );
  expect(sink.responses.length).toBeGreaterThan(100);
  it.data(true, frame(1, 0, 300_001, GET), 0);
  const more = frame(9, 0, 300_001, Buffer.alloc(1000, 0x82));
  for (let i = 0; i < 10_000; i++) {
    it.data(true, more, 0);
    guard(it);
  }
  it.data(true, Buffer.concat([frame(9, 4, 300_001), frame(1, 5, 300_003, GET)]), 0);
  expect(sink.requests).toHaveLength(100_002);
  expect(process.cpuUsage(begin).user / 1000).toBeLessThan(3000);
});

test('bytes by chance and broken conversations: never an exception, never more than its share', () => {
  const seed = 20_261_124;
  console.log(`seed ${seed}`);
  const below = random(seed);
  const end = performance.now() + 1500;
  let bytes = 0;
  while (performance.now() < end) {
    const { it } = parser(below(2) === 0 ? 'metadata' : 'full');
    for (const piece of cut(recorded.pieces, 1 + below(4000), below)) {
      const broken = Buffer.from(piece.bytes);
      for (let change = below(4); change > 0; change--) broken[below(broken.length)] = below(256);
      if (below(10) === 0) it.skip(piece.fromClient, below(3000));
      else it.data(piece.fromClient, broken, 0);
      bytes += broken.length;
      guard(it);
    }
  }
  // 10 µs a byte would be a loop.
  expect(bytes).toBeGreaterThan(150_000);
});

test('the error codes of resets are those of Node.js', () => {
  // The numbers in grpc.ts are written out; this holds them to an implementation.
  expect([constants.NGHTTP2_REFUSED_STREAM, constants.NGHTTP2_CANCEL, constants.NGHTTP2_INADEQUATE_SECURITY]).toEqual([
    0x7, 0x8, 0xc,
  ]);
});
