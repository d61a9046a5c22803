/** HTTP/2 of prepared packets: from frame to frame, without the payload of DATA, however frames lie in packets. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { TestBed } from './test-bed.ts';

const WINDOW = 1024;
const HEAD = 9;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const END_STREAM = 1;

let bed: TestBed;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7f');
});
afterAll(() => bed[Symbol.dispose]());

/** RFC 9113, 4.1 */
function frame(type: number, length: number, stream: number, flags = 0): Buffer {
  const bytes = Buffer.alloc(HEAD + length, 0x40 + type);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

/** A connection whose prefaces have passed; positions count from behind them. */
function talk(v6 = false): Conversation {
  const it = new Conversation(bed, nextPort++, 9000, { v6 });
  it.send('client', Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
  it.send('server', frame(SETTINGS, 0, 0));
  expect(it.places()).toEqual(['HTTP2 client 0+33/33 FIRST', 'HTTP2 server 0+9/9 FIRST']);
  return it;
}
const START = { client: 33, server: 9 } as const;

test.each([
  ['IPv4', false],
  ['IPv6', true],
])('%s: a request is captured whole', (_, v6) => {
  using it = talk(v6);
  const request = Buffer.concat([frame(HEADERS, 80, 1, 4), frame(HEADERS, 60, 3, 5)]);
  it.send('client', request);
  expect(it.seen()).toEqual([{ what: 'HTTP2 client 33+158/158', text: request.toString('latin1') }]);
});

test('of DATA only the head is captured, of the frame behind it everything', () => {
  using it = talk();
  const trailers = frame(HEADERS, 30, 1, 5);
  it.send('server', Buffer.concat([frame(HEADERS, 50, 1, 4), frame(DATA, 1000, 1), trailers]));
  const seen = it.seen();
  expect(seen.map((one) => one.what)).toEqual(['HTTP2 server 9+68/1107', 'HTTP2 server 1077+39/39']);
  expect(seen[1]?.text).toBe(trailers.toString('latin1'));
});

test('little DATA costs less than a capture of its own', () => {
  using it = talk();
  it.send('server', Buffer.concat([frame(HEADERS, 50, 1, 4), frame(DATA, 100, 1), frame(HEADERS, 30, 1, 5)]));
  expect(it.places()).toEqual(['HTTP2 server 9+207/207']);
});

test('DATA larger than packets: the end of the stream is seen all the same', () => {
  using it = talk();
  const data = frame(DATA, 5000, 1);
  const stream = Buffer.concat([data, frame(DATA, 0, 1, END_STREAM), frame(HEADERS, 20, 3, 4)]);
  for (let at = 0; at < stream.length; at += 1400) it.send('server', stream.subarray(at, at + 1400));
  const seen = it.seen();
  expect(seen.map((one) => one.what)).toEqual(['HTTP2 server 9+9/1400', 'HTTP2 server 5018+38/38']);
  expect(seen[1]?.text).toBe(stream.subarray(5009).toString('latin1'));
});

test('frames that are split at any byte', () => {
  const stream = Buffer.concat([
    frame(HEADERS, 40, 1, 4),
    frame(DATA, 300, 1),
    frame(HEADERS, 20, 1, 5),
    frame(HEADERS, 25, 3, 5),
  ]);
  // All but the 300 bytes of DATA.
  const wanted = Buffer.concat([stream.subarray(0, 58), stream.subarray(358)]);
  // Every place in and around the heads; within the 300 bytes of DATA one is like the other.
  const cuts = Array.from({ length: stream.length - 1 }, (_, i) => i + 1).filter((it) => it < 75 || it > 340);
  for (const cut of cuts) {
    using it = talk();
    it.send('client', stream.subarray(0, cut));
    it.send('client', stream.subarray(cut));
    const seen = Buffer.alloc(stream.length);
    for (const one of it.captures()) seen.set(one.bytes, (one.sequence - (2 ** 32 - 600 + START.client)) >>> 0);
    const got = Buffer.concat([seen.subarray(0, 58), seen.subarray(358)]);
    expect(got.equals(wanted), `cut at ${cut}`).toBe(true);
  }
});

test('frames byte by byte', () => {
  using it = talk();
  const stream = Buffer.concat([frame(HEADERS, 12, 1, 4), frame(DATA, 150, 1), frame(HEADERS, 10, 1, 5)]);
  for (const byte of stream) it.send('client', Buffer.from([byte]));
  const text = it
    .seen()
    .map((one) => one.text)
    .join('');
  expect(text).toBe(Buffer.concat([stream.subarray(0, 30), stream.subarray(180)]).toString('latin1'));
});

test('a frame longer than the window is cut', () => {
  using it = talk();
  const long = Buffer.concat([frame(HEADERS, 3000, 1, 4), frame(HEADERS, 20, 3, 5)]);
  for (let at = 0; at < long.length; at += 1400) it.send('client', long.subarray(at, at + 1400));
  expect(it.places()).toEqual([`HTTP2 client 33+${WINDOW}/1400`, 'HTTP2 client 3042+29/29']);
});

test('what is sent again is not captured again', () => {
  using it = talk();
  const request = frame(HEADERS, 80, 1, 4);
  it.send('client', request);
  it.send('client', request, START.client);
  it.send('client', Buffer.concat([request, frame(HEADERS, 20, 3, 4)]), START.client);
  expect(it.places()).toEqual(['HTTP2 client 33+89/89', 'HTTP2 client 122+29/29']);
});

test('a packet that was lost within DATA costs nothing', () => {
  using it = talk();
  it.send('server', frame(DATA, 4000, 1).subarray(0, 1400));
  it.lose('server', 1400);
  it.send('server', Buffer.concat([Buffer.alloc(1209), frame(HEADERS, 20, 1, 5)]));
  expect(it.places()).toEqual(['HTTP2 server 9+9/1400', 'HTTP2 server 4018+29/29']);
});

test('a packet that was lost with a frame head costs the place, until a frame begins with a packet', () => {
  using it = talk();
  it.lose('server', 500);
  it.send('server', Buffer.concat([Buffer.alloc(100, 0xee), frame(HEADERS, 20, 1, 5)]));
  it.send('server', Buffer.alloc(100, 0xee));
  // Much like a frame, but of no stream.
  it.send('server', frame(DATA, 100, 0));
  expect(it.places()).toEqual([]);
  it.send('server', Buffer.concat([frame(HEADERS, 20, 3, 5), frame(HEADERS, 20, 5, 5)]));
  expect(it.places()).toEqual(['HTTP2 server 847+58/58']);
});

test('many frames in a packet', () => {
  using it = talk();
  const frames = Buffer.concat(Array.from({ length: 100 }, (_, i) => frame(HEADERS, 20, 2 * i + 1, 5)));
  it.send('client', frames);
  expect(it.seen().map((one) => one.text)).toEqual([frames.toString('latin1')]);
});

test('more frames than are looked at cost the place, and nothing else', () => {
  using it = talk();
  it.send('client', Buffer.concat(Array.from({ length: 300 }, (_, i) => frame(DATA, 0, 2 * i + 1))));
  expect(it.places()).toEqual([`HTTP2 client 33+${256 * HEAD}/${300 * HEAD}`]);
  it.send('client', frame(HEADERS, 20, 601, 5));
  expect(it.places()).toEqual([`HTTP2 client ${33 + 300 * HEAD}+29/29`]);
});

test('a frame that claims to be endless is skipped', () => {
  using it = talk();
  const claims = frame(DATA, 1000, 1);
  claims.writeUIntBE(0xffffff, 0, 3);
  it.send('client', claims);
  it.send('client', frame(HEADERS, 20, 3, 5));
  expect(it.places()).toEqual(['HTTP2 client 33+9/1009']);
});
