import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Http1Parser } from './http1.ts';
import { MAX_PARSER_BYTES, MAX_PENDING } from './parser.ts';
import { cut, feed, feedTurns, STEP_NS } from './testing/feed.ts';
import { random } from './testing/random.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import { listen, type Piece, tap } from './testing/tap.ts';

function parser(redaction: 'metadata' | 'full' = 'metadata'): { sink: RecordingSink; it: Http1Parser } {
  const sink = new RecordingSink();
  return { sink, it: new Http1Parser(sink, redaction) };
}

const client = (bytes: string): Piece => ({ fromClient: true, bytes: Buffer.from(bytes, 'latin1') });
const server = (bytes: string): Piece => ({ fromClient: false, bytes: Buffer.from(bytes, 'latin1') });

/** What the server did, in the words of RecordingSink.answers. */
interface Recorded {
  pieces: Piece[];
  log: string[];
}

/** A real conversation over one connection: bodies with lengths and in chunks, both ways, without bodies, HEAD, 204, 304. */
async function conversation(): Promise<Recorded> {
  const log: string[] = [];
  const http: Server = createServer((incoming, response) => {
    response.on('finish', () => log.push(`${incoming.method ?? ''} ${incoming.url ?? ''} ${response.statusCode}`));
    void answer(incoming).then(({ code, body, isChunked }) => {
      response.statusCode = code;
      if (!isChunked) response.setHeader('Content-Length', Buffer.byteLength(body));
      // In more than one chunk.
      if (isChunked) for (let at = 0; at < body.length; at += 700) response.write(body.slice(at, at + 700));
      response.end(isChunked || code === 204 || code === 304 ? undefined : body);
    });
  });
  const port = await listen(http);
  await using relay = await tap(port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const [method, path, body] of [
    ['GET', '/small', ''],
    ['GET', '/large', ''],
    ['POST', '/chunked', 'x'.repeat(5000)],
    ['HEAD', '/large', ''],
    ['GET', '/none', ''],
    ['PUT', '/unchanged', 'y'.repeat(50)],
    ['DELETE', '/missing', ''],
    ['GET', '/chunked', ''],
    ['PATCH', '/fails', 'z'],
    ['GET', '/small', ''],
  ] as const) {
    const sent = request({ port: relay.port, agent, method, path, headers: { 'X-Long': 'h'.repeat(100) } });
    // A body without length is sent in chunks.
    if (body !== '') sent.write(body);
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    await text(response);
  }
  agent.destroy();
  http.close();
  await once(http, 'close');
  const [pieces] = relay.streams;
  if (pieces === undefined || relay.streams.length !== 1) throw new Error('not one connection');
  return { pieces, log };
}

async function answer(incoming: IncomingMessage): Promise<{ code: number; body: string; isChunked: boolean }> {
  await text(incoming);
  switch (incoming.url ?? '') {
    case '/large':
      return { code: 200, body: 'HTTP/1.1 200 OK\r\n\r\n'.repeat(800), isChunked: false };
    case '/chunked':
      return { code: 200, body: 'GET / HTTP/1.1\r\n\r\n'.repeat(400), isChunked: true };
    case '/none':
      return { code: 204, body: '', isChunked: false };
    case '/unchanged':
      return { code: 304, body: '', isChunked: false };
    case '/missing':
      return { code: 404, body: 'no', isChunked: false };
    case '/fails':
      return { code: 503, body: 'busy', isChunked: true };
    default:
      return { code: 200, body: 'hello', isChunked: false };
  }
}

const recorded = await conversation();

test('a real conversation, whole', () => {
  const { sink, it } = parser();
  feed(it, recorded.pieces);
  expect(sink.answers).toEqual(recorded.log);
  expect(sink.requests).toHaveLength(recorded.log.length);
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
  expect(sink.responses.filter((answered) => answered.isError).map((answered) => answered.code)).toEqual(['503']);
});

test('a real conversation, cut anywhere', () => {
  const below = random(9112);
  for (let round = 0; round < 60; round++) {
    const { sink, it } = parser();
    feed(it, cut(recorded.pieces, 1 + below(round < 5 ? 2 : 900), below));
    expect(sink.answers).toEqual(recorded.log);
    expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
  }
});

test('a real conversation, of which only the beginnings of turns are captured', () => {
  for (const window of [1024, 512, 256]) {
    const { sink, it } = parser();
    feedTurns(it, recorded.pieces, window);
    expect(sink.answers).toEqual(recorded.log);
    expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
  }
});

test('heads that are longer than what is captured of them are told once', () => {
  const { sink, it } = parser();
  feedTurns(it, recorded.pieces, 64);
  expect(sink.answers).toEqual(recorded.log);
  expect(sink.events).toHaveLength(2 * recorded.log.length);
});

test('losses: what is seen later is right, whatever was lost', () => {
  const below = random(6);
  for (let round = 0; round < 200; round++) {
    const { sink, it } = parser();
    const lost = below(recorded.pieces.length - 4);
    for (const [i, { fromClient, bytes }] of recorded.pieces.entries()) {
      if (i === lost) it.skip(fromClient, bytes.length);
      else it.data(fromClient, bytes, i * STEP_NS);
    }
    expect(sink.answers.at(-1)).toBe(recorded.log.at(-1));
    expect(sink.responses.length).toBeGreaterThanOrEqual(recorded.log.length - 2);
    for (const [i, told] of sink.answers.entries()) expect(recorded.log.slice(i)).toContain(told);
  }
});

test('what an exchange tells', () => {
  const { sink, it } = parser();
  feed(it, [
    client(
      'GET /orders/7?token=abc&page=2 HTTP/1.1\r\nHost: shop:8080\r\nAuthorization: Bearer s3cret\r\ntraceparent: 00-ab-cd-01\r\n\r\n',
    ),
    server('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nServer: x\r\n\r\n'),
  ]);
  const url = 'http://shop:8080/orders/7?token=…&page=…';
  expect(sink.events).toEqual([
    {
      kind: 'REQUEST',
      protocol: 'http',
      route: 'GET /orders/7',
      http: {
        method: 'GET',
        url,
        protocol: 'HTTP/1.1',
        headers: [
          { key: 'authorization', value: '' },
          { key: 'host', value: 'shop:8080' },
          { key: 'traceparent', value: '00-ab-cd-01' },
        ],
      },
    },
    {
      kind: 'RESPONSE',
      protocol: 'http',
      latency_ns: STEP_NS,
      route: 'GET /orders/7',
      is_error: true,
      http: {
        code: 502,
        method: 'GET',
        url,
        protocol: 'HTTP/1.1',
        headers: [
          { key: 'content-length', value: '0' },
          { key: 'server', value: 'x' },
        ],
      },
    },
  ]);
});

test('pipelined requests, answered in their order after interim answers', () => {
  const { sink, it } = parser();
  feed(it, [
    client('GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHEAD /c HTTP/1.1\r\n\r\n'),
    server('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
    server(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n',
    ),
    server('HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n'),
  ]);
  expect(sink.answers).toEqual(['GET /a 200', 'POST /b 201', 'HEAD /c 200']);
});

test('more requests than are remembered: the order stays right', () => {
  const { sink, it } = parser();
  sink.hasEvents = false;
  const count = MAX_PENDING + 50;
  for (let i = 0; i < count; i++) it.data(true, Buffer.from(`GET /${i} HTTP/1.1\r\n\r\n`), 0);
  for (let i = 0; i < count; i++)
    it.data(false, Buffer.from(`HTTP/1.1 ${200 + (i % 5)} OK\r\nContent-Length: 0\r\n\r\n`), 0);
  it.data(true, Buffer.from('GET /last HTTP/1.1\r\n\r\n'), 0);
  it.data(false, Buffer.from('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'), 0);
  expect(sink.requests).toHaveLength(count + 1);
  expect(sink.answers.at(-1)).toBe('GET /last 404');
  for (const [i, told] of sink.answers.slice(0, -1).entries()) expect(told).toBe(`GET /${i} ${200 + (i % 5)}`);
});

test('HTTP/1.0: the answer goes on until the connection ends', () => {
  const { sink, it } = parser();
  feed(it, [client('GET / HTTP/1.0\r\n\r\n'), server('HTTP/1.0 200 OK\r\n\r\nHTTP'), server('more'), server('more')]);
  expect(sink.answers).toEqual(['GET / 200']);
  expect(sink.events[1]?.http?.protocol).toBe('HTTP/1.0');
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
});

test.each([
  ['a tunnel', 'CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', 'CONNECT 200'],
  [
    'a WebSocket',
    'GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
    'GET /ws 101',
  ],
])('after %s nothing is HTTP', (_, asked, answered, told) => {
  const { sink, it } = parser();
  feed(it, [
    client(asked),
    server(answered),
    client('GET /inside HTTP/1.1\r\n\r\n'),
    server('HTTP/1.1 200 OK\r\n\r\n'),
  ]);
  expect(sink.answers).toEqual([told]);
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
});

test('an upgrade to HTTP/2: the request is answered on stream 1', () => {
  const { sink, it } = parser();
  const settings = Buffer.from('000000040000000000', 'hex');
  // :status 200, on stream 1.
  const answered = Buffer.from('00000101050000000188', 'hex');
  feed(it, [client('GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')]);
  it.data(
    false,
    Buffer.concat([Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n'), settings]),
    10,
  );
  it.data(true, Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]), 20);
  it.data(false, answered, 30);
  expect(it.next).toBeDefined();
  expect(sink.responses).toEqual([{ route: 'GET /h2', code: '200', isError: false, latencyNs: 30 }]);
  expect(sink.events[1]).toMatchObject({ kind: 'RESPONSE', http: { code: 200, method: 'GET', url: 'http://a/h2' } });
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
});

test('an answer whose request was not seen is a sample, and counts in no series', () => {
  const { sink, it } = parser();
  it.skip(true, 100);
  it.data(false, Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), 0);
  expect(sink.events).toMatchObject([{ kind: 'SAMPLE', http: { code: 204 } }]);
  expect(sink.responses).toEqual([]);
  expect(sink.gaps).toBe(1);
});

test.each([
  ['no method', '\u0001\u0002 / HTTP/1.1\r\n\r\n'],
  ['no version', 'GET /\r\n\r\n'],
  ['a length that is none', 'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n'],
])('%s is malformed, and the next head is read', (_, bytes) => {
  const { sink, it } = parser();
  feed(it, [
    client(bytes),
    client('GET /next HTTP/1.1\r\n\r\n'),
    server('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  ]);
  expect(sink.malformedMessages).toBe(1);
  expect(sink.answers).toEqual(['GET /next 200']);
});

test('a head without end, byte by byte', () => {
  const { sink, it } = parser();
  const begin = performance.now();
  it.data(true, Buffer.from('GET / HTTP/1.1\r\n'), 0);
  const line = Buffer.from('X');
  for (let i = 0; i < 200_000; i++) {
    it.data(true, line, 0);
    if (it.bytes > MAX_PARSER_BYTES) throw new Error(`keeps ${it.bytes} bytes`);
  }
  expect(sink.requests).toHaveLength(1);
  expect(performance.now() - begin).toBeLessThan(2000);
});

test('bytes by chance and broken conversations: never an exception, never more than its share', () => {
  const seed = 20_261_123;
  console.log(`seed ${seed}`);
  const below = random(seed);
  const end = performance.now() + 1500;
  let bytes = 0;
  while (performance.now() < end) {
    const { it } = parser(below(2) === 0 ? 'metadata' : 'full');
    for (const piece of cut(recorded.pieces, 1 + below(2000), below)) {
      const broken = Buffer.from(piece.bytes);
      for (let change = below(4); change > 0; change--) broken[below(broken.length)] = below(256);
      if (below(10) === 0) it.skip(piece.fromClient, below(3000));
      else it.data(piece.fromClient, broken, 0);
      bytes += broken.length;
      if (it.bytes > MAX_PARSER_BYTES) throw new Error(`keeps ${it.bytes} bytes`);
    }
  }
  // 10 µs a byte would be a loop.
  expect(bytes).toBeGreaterThan(150_000);
});

test('a connection to a server that closes at once', async () => {
  // What a real server says to what is no HTTP.
  const http = createServer();
  const port = await listen(http);
  await using relay = await tap(port);
  const socket = connect(relay.port, '127.0.0.1');
  socket.end('GET / HTTP/1.1\r\nBroken\r\n\r\n');
  await once(socket.resume(), 'close');
  http.close();
  const { sink, it } = parser();
  feed(it, relay.streams[0] ?? []);
  expect(sink.answers).toEqual(['GET / 400']);
});

test.each([
  ['known', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['not known', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
])('an answer that was lost is not replaced by the next one: where the server is was %s', (_, before) => {
  const { sink, it } = parser();
  feed(it, [client('GET /1 HTTP/1.1\r\n\r\n'), server(before)]);
  it.skip(false, 5000);
  feed(it, [client('GET /2 HTTP/1.1\r\n\r\n')]);
  // The answer to 2 is lost, and so is request 3; then request 4 comes.
  it.skip(true, 20);
  it.data(true, Buffer.from('GET /4 HTTP/1.1\r\n\r\n'), 50_000);
  it.skip(false, 40);
  it.data(false, Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), 50_100);
  it.data(true, Buffer.from('GET /5 HTTP/1.1\r\n\r\n'), 60_000);
  it.data(false, Buffer.from('HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n'), 60_100);
  expect(sink.answers).toContain('GET /5 205');
  for (const { route, code, latencyNs } of sink.responses.slice(1)) {
    expect(['GET /4 204', 'GET /5 205']).toContain(`${route} ${code}`);
    expect(latencyNs).toBe(100);
  }
});
