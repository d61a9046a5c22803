/**
 * Which protocol a connection is taken for by its first payload: each signature, what comes close to one, and what a
 * connection becomes when it changes over to another protocol.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation, type Side } from './conversation.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7s');
});
afterAll(() => bed[Symbol.dispose]());

function talk(port = 9000): Conversation {
  return new Conversation(bed, nextPort++, port);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);

const DNS_QUERY = hex('1234 0100 0001 0000 0000 0000 04 73686f70 00 0001 0001');
const TLS_CLIENT_HELLO = Buffer.concat([hex('16 0301 0200 01 0001fc 0303'), Buffer.alloc(506, 0x55)]);
const TLS_SERVER_HELLO = Buffer.concat([hex('16 0303 007a 02 000076 0303'), Buffer.alloc(116, 0x66)]);
const PG_STARTUP = (() => {
  const body = Buffer.concat([u32(0x30000), Buffer.from('user\0postgres\0database\0shop\0\0')]);
  return Buffer.concat([u32(4 + body.length), body]);
})();
const PG_QUERY = Buffer.concat([Buffer.from('Q'), u32(4 + 9), Buffer.from('SELECT 1\0')]);
const PG_PARSE = Buffer.concat([
  Buffer.from('P'),
  u32(4 + 13),
  Buffer.from('s1\0SELECT 1\0\0'),
  hex('42 0000000c 00 00 0000 0000 0000 53 00000004'),
]);
const MYSQL_GREETING = (() => {
  const body = Buffer.concat([hex('0a'), Buffer.from('8.0.36\0'), Buffer.alloc(60, 1)]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
})();
const KAFKA_REQUEST = (() => {
  const body = Buffer.concat([u16(3), u16(9), u32(7), u16(5), Buffer.from('shop1'), Buffer.alloc(6)]);
  return Buffer.concat([u32(body.length), body]);
})();
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = hex('000006 04 00 00000000 0003 00000064');

const overLength = (message: Buffer): Buffer => Buffer.concat([u16(message.length), message]);
const changed = (bytes: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
};

const KNOWN: [name: string, protocol: string, side: Side, payload: string | Buffer, port?: number][] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'].map(
    (method): [string, string, Side, string] => [method, 'HTTP', 'client', `${method} /x HTTP/1.1\r\n\r\n`],
  ),
  ['an answer of HTTP/1.0', 'HTTP', 'server', 'HTTP/1.0 404 Not Found\r\n\r\n'],
  ['the preface of HTTP/2', 'HTTP2', 'client', PREFACE],
  ['SETTINGS of a server that speaks first', 'HTTP2', 'server', SETTINGS],
  ['a TLS ClientHello', 'TLS', 'client', TLS_CLIENT_HELLO],
  ['a TLS ServerHello', 'TLS', 'server', TLS_SERVER_HELLO],
  ['DNS by TCP', 'DNS', 'client', overLength(DNS_QUERY), 53],
  ['DNS by TCP, its length alone', 'DNS', 'client', u16(DNS_QUERY.length), 53],
  ['a command of Redis', 'REDIS', 'client', '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n'],
  ['a long command of Redis', 'REDIS', 'client', '*1200\r\n$4\r\nMGET\r\n'],
  ['a PING by hand', 'REDIS', 'client', 'PING\r\n'],
  ['StartupMessage of PostgreSQL', 'POSTGRESQL', 'client', PG_STARTUP],
  ['SSLRequest', 'POSTGRESQL', 'client', Buffer.concat([u32(8), u32(80_877_103)])],
  ['GSSENCRequest', 'POSTGRESQL', 'client', Buffer.concat([u32(8), u32(80_877_104)])],
  ['CancelRequest', 'POSTGRESQL', 'client', Buffer.concat([u32(16), u32(80_877_102), u32(1), u32(2)])],
  ['a Query in the middle of a connection', 'POSTGRESQL', 'client', PG_QUERY],
  ['a Parse in the middle of a connection', 'POSTGRESQL', 'client', PG_PARSE],
  ['the greeting of MySQL', 'MYSQL', 'server', MYSQL_GREETING],
  ['a request of Kafka', 'KAFKA', 'client', KAFKA_REQUEST],
];

test.each(KNOWN)('%s', (_, protocol, side, payload, port) => {
  using it = talk(port);
  it.send(side, payload);
  const captures = it.captures();
  expect(captures.map((one) => [one.protocol, one.isReply])).toEqual([[protocol, side === 'server']]);
  expect(captures[0]?.bytes).toEqual(Buffer.from(payload as string, 'latin1'));
});

const NEAR_MISSES: [name: string, side: Side, payload: string | Buffer, port?: number][] = [
  ['two bytes', 'client', 'GE'],
  ['a method in small letters', 'client', 'get /x HTTP/1.1\r\n\r\n'],
  ['a method without a blank', 'client', 'GETTING STARTED'],
  ['a longer word', 'client', 'POSTAL CODE 12345'],
  ['HTTP of another version', 'server', 'HTTP/3.0 200 OK\r\n\r\n'],
  ['half of a preface', 'client', 'PRI * HTTP/1.1\r\n\r\n'],
  ['a TLS record that is no handshake', 'client', changed(TLS_CLIENT_HELLO, 0, 0x17)],
  ['a TLS handshake that is no hello', 'client', changed(TLS_CLIENT_HELLO, 5, 0x0b)],
  ['SSL 2', 'client', changed(TLS_CLIENT_HELLO, 1, 2)],
  ['DNS on another port', 'client', overLength(DNS_QUERY), 5300],
  ['no question on port 53', 'client', overLength(changed(DNS_QUERY, 5, 0)), 53],
  ['a reserved bit on port 53', 'client', overLength(changed(DNS_QUERY, 3, 0x40)), 53],
  ['an array without bulk strings', 'client', '*2\r\n:12\r\n:13\r\n'],
  ['an array of none', 'client', '*0\r\n$3\r\nGET\r\n'],
  ['PING with more behind it', 'client', 'PING x\r\n'],
  ['StartupMessage of another length', 'client', changed(PG_STARTUP, 3, PG_STARTUP.length + 1)],
  ['StartupMessage of version 2', 'client', changed(PG_STARTUP, 5, 2)],
  ['a Query of another length', 'client', changed(PG_QUERY, 4, 14)],
  ['a Query without its end', 'client', changed(PG_QUERY, PG_QUERY.length - 1, 0x20)],
  ['a Parse with something else behind it', 'client', changed(PG_PARSE, 18, 0x4b)],
  ['a greeting of another length', 'server', changed(MYSQL_GREETING, 0, 12)],
  ['a greeting of version 9', 'server', changed(MYSQL_GREETING, 4, 9)],
  ['a greeting from the client', 'client', MYSQL_GREETING],
  ['a request of Kafka of another length', 'client', changed(KAFKA_REQUEST, 3, 200)],
  ['a request of Kafka with an unknown API key', 'client', changed(KAFKA_REQUEST, 5, 200)],
  ['a request of Kafka by a client without letters', 'client', changed(KAFKA_REQUEST, 14, 1)],
  ['SETTINGS of a client', 'client', SETTINGS],
  ['SETTINGS of an odd length', 'server', changed(SETTINGS, 2, 7)],
  ['zeros', 'client', Buffer.alloc(1400)],
  ['zeros from the server', 'server', Buffer.alloc(1400)],
  ['ones', 'client', Buffer.alloc(1400, 0xff)],
  ['what iperf 3 sends first', 'client', 'q2kd7hfkslqpw8zxcvbnmasdfghjklqwertyu\0'],
  ['SSH', 'client', 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'],
  ['SMTP', 'server', '220 mail.example.com ESMTP Postfix\r\n'],
];

test.each(NEAR_MISSES)('not taken for any: %s', (_, side, payload, port) => {
  using it = talk(port);
  it.send(side, payload);
  expect(it.places()).toEqual([]);
});

test('random bytes are not taken for any protocol', () => {
  // The same in each run: a failure can be looked at.
  const random = (i: number): Buffer => {
    const parts = Array.from({ length: 8 }, (_, part) => createHash('sha512').update(`${i}.${part}`).digest());
    return Buffer.concat(parts).subarray(0, 1 + (i % 500));
  };
  const taken: string[] = [];
  for (let i = 0; i < 400; i++) {
    using it = talk(i % 4 === 0 ? 53 : 9000);
    for (let packet = 0; packet < 4; packet++) it.send(packet % 2 === 0 ? 'client' : 'server', random(i * 4 + packet));
    taken.push(...it.places());
  }
  expect(taken).toEqual([]);
});

describe('a connection that is taken for nothing', () => {
  test('is not looked at any more after a few packets', () => {
    using it = talk();
    for (let i = 0; i < 4; i++) it.send('client', 'something else');
    it.send('client', 'GET / HTTP/1.1\r\n\r\n');
    expect(it.places()).toEqual([]);
  });

  test('is looked at until then', () => {
    using it = talk();
    for (let i = 0; i < 3; i++) it.send('client', 'something else');
    it.send('client', 'GET / HTTP/1.1\r\n\r\n');
    expect(it.places()).toEqual(['HTTP client 42+18/18']);
  });

  test('may still be told by the other side', () => {
    using it = talk();
    for (let i = 0; i < 6; i++) it.send('client', 'something else');
    it.send('server', 'HTTP/1.1 400 Bad Request\r\n\r\n');
    it.send('client', 'GET / HTTP/1.1\r\n\r\n');
    expect(it.places()).toEqual(['HTTP server 0+28/28 FIRST', 'HTTP client 84+18/18']);
  });
});

test('of TLS the hellos are captured, and nothing else', () => {
  using it = talk();
  const secret = Buffer.concat([hex('17 0303 0400'), Buffer.alloc(1024, 0x77)]);
  it.send('client', TLS_CLIENT_HELLO);
  it.send('server', TLS_SERVER_HELLO);
  for (let i = 0; i < 3; i++) {
    it.send('client', secret);
    it.send('server', secret);
  }
  expect(it.places()).toEqual(['TLS client 0+517/517 FIRST', 'TLS server 0+127/127 FIRST']);
  it.close();
  expect(it.captures().map((one) => one.flags)).toEqual([['END']]);
});

test('a hello that needs two segments', () => {
  using it = talk();
  const long = Buffer.concat([hex('16 0301 06f0 01 0006ec 0303'), Buffer.alloc(1770, 0x55)]);
  it.send('client', long.subarray(0, 1400));
  it.send('client', long.subarray(1400));
  expect(it.places()).toEqual(['TLS client 0+1400/1400 FIRST', 'TLS client 1400+381/381']);
});

test('PostgreSQL that changes over to TLS', () => {
  using it = talk();
  it.send('client', Buffer.concat([u32(8), u32(80_877_103)]));
  it.send('server', 'S');
  it.send('client', TLS_CLIENT_HELLO);
  it.send('server', TLS_SERVER_HELLO);
  it.send('client', Buffer.alloc(600, 0x77));
  expect(it.places()).toEqual([
    'POSTGRESQL client 0+8/8 FIRST',
    'POSTGRESQL server 0+1/1 FIRST',
    'TLS client 8+517/517',
    'TLS server 1+127/127',
  ]);
});

test('the end of a long answer of PostgreSQL', () => {
  using it = talk();
  const row = Buffer.concat([hex('44 00000500 0001 000004f6'), Buffer.alloc(1270, 0x43)]);
  const complete = Buffer.concat([Buffer.from('C'), u32(4 + 11), Buffer.from('SELECT 500\0')]);
  const ready = hex('5a 00000005 49');
  it.send('client', PG_QUERY);
  it.send('server', row);
  it.send('server', row.subarray(5));
  it.send('server', Buffer.concat([row.subarray(0, 1000), complete, ready]));
  const seen = it.seen();
  expect(seen.map((one) => one.what)).toEqual([
    'POSTGRESQL client 0+14/14 FIRST',
    'POSTGRESQL server 0+1024/1281 FIRST',
    'POSTGRESQL server 3557+22/22',
  ]);
  expect(seen[2]?.text).toBe(Buffer.concat([complete, ready]).toString('latin1'));
});

describe('HTTP that changes over', () => {
  const UPGRADE = 'GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n';
  const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n';

  test('to HTTP/2: the frames behind the answer are of the new protocol', () => {
    using it = talk();
    it.send('client', UPGRADE);
    it.send('server', Buffer.concat([Buffer.from(SWITCHING), SETTINGS]));
    it.send('client', Buffer.concat([PREFACE, SETTINGS]));
    expect(it.places()).toEqual([
      `HTTP client 0+${UPGRADE.length}/${UPGRADE.length} FIRST`,
      `HTTP server 0+${SWITCHING.length}/${SWITCHING.length + SETTINGS.length} FIRST`,
      `HTTP2 server ${SWITCHING.length}+${SETTINGS.length}/${SETTINGS.length}`,
      `HTTP2 client ${UPGRADE.length}+39/39`,
    ]);
  });

  test('to HTTP/2, in packets of their own', () => {
    using it = talk();
    it.send('client', UPGRADE);
    it.send('server', SWITCHING);
    it.send('client', PREFACE);
    it.send('server', SETTINGS);
    expect(it.places().slice(2)).toEqual([
      `HTTP2 client ${UPGRADE.length}+24/24`,
      `HTTP2 server ${SWITCHING.length}+${SETTINGS.length}/${SETTINGS.length}`,
    ]);
  });

  test('to something else is left alone', () => {
    using it = talk();
    it.send('client', UPGRADE.replace('h2c', 'websocket'));
    it.send('server', SWITCHING.replace('h2c', 'websocket'));
    for (let i = 0; i < 5; i++) it.send('client', hex('81 85 01020304 6866 6f6f 6e'));
    for (let i = 0; i < 5; i++) it.send('server', hex('81 05 68656c6c6f'));
    expect(it.places()).toHaveLength(2);
  });

  test('through a tunnel', () => {
    using it = talk();
    const connect = 'CONNECT shop:443 HTTP/1.1\r\n\r\n';
    const established = 'HTTP/1.1 200 Connection established\r\n\r\n';
    it.send('client', connect);
    it.send('server', established);
    it.send('client', TLS_CLIENT_HELLO);
    expect(it.places().at(-1)).toBe(`TLS client ${connect.length}+517/517`);
  });

  test('not by a tunnel that was refused', () => {
    using it = talk();
    it.send('client', 'CONNECT shop:443 HTTP/1.1\r\n\r\n');
    it.send('server', 'HTTP/1.1 403 Forbidden\r\n\r\n');
    it.send('client', 'GET / HTTP/1.1\r\n\r\n');
    it.send('server', 'HTTP/1.1 200 OK\r\n\r\n');
    expect(it.places()).toHaveLength(4);
  });
});
