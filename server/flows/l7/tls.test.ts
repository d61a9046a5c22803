import type { Server } from 'node:net';
import { connect, createServer, type ConnectionOptions, type TlsOptions } from 'node:tls';
import { expect, test } from 'vitest';
import type { TlsMessage } from '../../wire/l7.ts';
import { MAX_PARSER_BYTES } from './parser.ts';
import { cut, feed, feedTurns, STEP_NS } from './testing/feed.ts';
import { random } from './testing/random.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import { listen, type Piece, tap } from './testing/tap.ts';
import { TlsParser } from './tls.ts';

/** Works without a certificate, up to TLS 1.2. */
const ANONYMOUS = { ciphers: 'AECDH-AES128-SHA:@SECLEVEL=0' };
/** Works without a certificate in TLS 1.3. */
const SHARED_KEY = Buffer.alloc(32, 7);
const BY_KEY = {
  server: { pskCallback: () => SHARED_KEY, ciphers: 'TLS_AES_128_GCM_SHA256' } as TlsOptions,
  client: {
    pskCallback: () => ({ psk: SHARED_KEY, identity: 'me' }),
    ciphers: 'TLS_AES_128_GCM_SHA256',
    checkServerIdentity: () => undefined,
  } as unknown as ConnectionOptions,
};

/** The bytes of one real handshake, as far as it came. */
async function handshake(server: TlsOptions, client: ConnectionOptions): Promise<Piece[]> {
  const tls = createServer(server, (socket) => {
    socket.on('error', () => undefined);
    socket.end();
  });
  tls.on('tlsClientError', () => undefined);
  const port = await listen(tls as Server);
  await using relay = await tap(port);
  const socket = connect({ ...client, port: relay.port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  socket.resume();
  // Not events.once, which an error ends.
  await new Promise((resolve) => socket.once('close', resolve));
  tls.close();
  return relay.streams[0] ?? [];
}

const anonymous12 = await handshake(
  { ...ANONYMOUS, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2', 'http/1.1'] },
  { ...ANONYMOUS, maxVersion: 'TLSv1.2', servername: 'shop.example.com', ALPNProtocols: ['spdy', 'http/1.1'] },
);

function tell(pieces: readonly Piece[]): RecordingSink {
  const sink = new RecordingSink();
  feed(new TlsParser(sink), pieces);
  return sink;
}

const messages = (sink: RecordingSink): (TlsMessage | undefined)[] => sink.events.map((it) => it.tls);

test('TLS 1.2: name, protocols offered and chosen, versions', () => {
  const sink = tell(anonymous12);
  expect(messages(sink)).toEqual([
    { sni: 'shop.example.com', alpn: ['spdy', 'http/1.1'], version: 'TLS 1.2' },
    { sni: 'shop.example.com', alpn: ['http/1.1'], version: 'TLS 1.2' },
  ]);
  expect(sink.responses).toEqual([{ route: 'shop.example.com', code: '', isError: false, latencyNs: STEP_NS }]);
  expect(sink).toMatchObject({ gaps: 0, malformedMessages: 0 });
});

test('TLS 1.3: the version is that of the extension, the choice of protocol is not seen', async () => {
  const pieces = await handshake(
    { ...BY_KEY.server, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] },
    { ...BY_KEY.client, minVersion: 'TLSv1.3', servername: 'db.example.com', ALPNProtocols: ['h2'] },
  );
  expect(messages(tell(pieces))).toEqual([
    { sni: 'db.example.com', alpn: ['h2'], version: 'TLS 1.3' },
    { sni: 'db.example.com', alpn: [], version: 'TLS 1.3' },
  ]);
});

test('a server that refuses answers with an alert', async () => {
  const pieces = await handshake(
    { ...ANONYMOUS, maxVersion: 'TLSv1.2' },
    { minVersion: 'TLSv1.3', servername: 'new.example.com' },
  );
  const sink = tell(pieces);
  // 70: protocol_version (RFC 8446, 6.2).
  expect(sink.responses).toMatchObject([{ route: 'new.example.com', code: 'alert 70', isError: true }]);
});

test('a client without a name', async () => {
  const pieces = await handshake({ ...ANONYMOUS, maxVersion: 'TLSv1.2' }, { ...ANONYMOUS, maxVersion: 'TLSv1.2' });
  expect(messages(tell(pieces))[0]).toEqual({ sni: '', alpn: [], version: 'TLS 1.2' });
});

test('hellos cut anywhere', () => {
  const below = random(8446);
  const whole = tell(anonymous12);
  for (let round = 0; round < 50; round++) {
    const sink = tell(cut(anonymous12, 1 + below(60), below));
    expect(messages(sink)).toEqual(messages(whole));
  }
});

test('of a hello that is longer than what is captured, what is there', () => {
  const sink = new RecordingSink();
  feedTurns(new TlsParser(sink), anonymous12, 80);
  expect(sink.events[0]).toMatchObject({ kind: 'REQUEST', tls: { version: 'TLS 1.2' } });
  expect(sink.responses).toHaveLength(1);
});

test('an answer without its question is a sample; what is no TLS is malformed', () => {
  const sink = tell(anonymous12.filter((it) => !it.fromClient));
  expect(sink.events).toMatchObject([{ kind: 'SAMPLE', tls: { sni: '', version: 'TLS 1.2' } }]);
  expect(sink.responses).toEqual([]);
  expect(tell([{ fromClient: true, bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') }]).malformedMessages).toBe(1);
});

test('bytes by chance and broken hellos: never an exception, never more than its share', () => {
  const seed = 20_261_125;
  console.log(`seed ${seed}`);
  const below = random(seed);
  const end = performance.now() + 500;
  let rounds = 0;
  while (performance.now() < end) {
    const parser = new TlsParser(new RecordingSink());
    for (const { fromClient, bytes } of cut(anonymous12, 1 + below(400), below)) {
      const broken = Buffer.from(bytes);
      for (let change = below(3); change > 0; change--) broken[below(broken.length)] = below(256);
      if (below(20) === 0) parser.skip(fromClient);
      else parser.data(fromClient, broken, 0);
      if (parser.bytes > MAX_PARSER_BYTES) throw new Error(`keeps ${parser.bytes} bytes`);
    }
    rounds++;
  }
  expect(rounds).toBeGreaterThan(100);
});
