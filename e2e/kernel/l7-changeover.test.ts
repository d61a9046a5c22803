/** Connections that change over to another protocol, and what two of the protocols ask for besides the first bytes of a turn. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { hex, PG_QUERY, PREFACE, SETTINGS, TLS_CLIENT_HELLO, TLS_SERVER_HELLO, u32 } from './l7-messages.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7c');
});
afterAll(() => bed[Symbol.dispose]());

function talk(): Conversation {
  return new Conversation(bed, nextPort++, 9000);
}

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
