/** Which protocol a connection is taken for by its first payload: each signature, and what comes close to one. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation, type Side } from './conversation.ts';
import {
  DNS_QUERY,
  KAFKA_REQUEST,
  MYSQL_GREETING,
  PG_PARSE,
  PG_QUERY,
  PG_STARTUP,
  PREFACE,
  SETTINGS,
  TLS_CLIENT_HELLO,
  TLS_SERVER_HELLO,
  u16,
  u32,
} from './l7-messages.ts';
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
  for (let i = 0; i < 160; i++) {
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
