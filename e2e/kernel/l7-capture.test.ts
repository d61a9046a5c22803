/** What is captured of connections whose protocol takes turns, of prepared packets: which bytes, once, and no others. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { TestBed } from './test-bed.ts';

const WINDOW = 1024;
const VIPS = ['10.96.0.10', 'fd96::10'];
const REQUEST = 'GET /orders/17 HTTP/1.1\r\nHost: shop\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n';
let bed: TestBed;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7');
  bed.addService('web', VIPS, 80, 8080, ['one']);
});
afterAll(() => bed[Symbol.dispose]());

function talk(options: ConstructorParameters<typeof Conversation>[3] = {}): Conversation {
  return new Conversation(bed, nextPort++, 8080, options);
}

describe.each([
  ['IPv4', false],
  ['IPv6', true],
])('%s', (_, v6) => {
  test('a request and its answer, as they were sent', () => {
    using it = talk({ v6 });
    it.send('client', REQUEST);
    it.send('server', ANSWER);
    expect(it.seen()).toEqual([
      { what: `HTTP client 0+${REQUEST.length}/${REQUEST.length} FIRST`, text: REQUEST },
      { what: `HTTP server 0+${ANSWER.length}/${ANSWER.length} FIRST`, text: ANSWER },
    ]);
  });

  test('the header names the ends of the connection', () => {
    const address = VIPS[v6 ? 1 : 0] ?? '';
    using it = new Conversation(bed, nextPort, 80, { v6, address });
    const clientPort = nextPort++;
    it.send('client', REQUEST);
    const [request] = it.captures();
    expect(request?.record).toMatchObject({
      family: v6 ? 6 : 4,
      protocol: 6,
      source_port: clientPort,
      destination_port: 8080,
      original_port: 80,
      source_endpoint: bed.pod('client').endpointId,
      destination_endpoint: bed.pod('one').endpointId,
      packets: 0,
      bytes: 0n,
    });
    expect(request?.mode).toBe('METADATA');
    expect(request?.record.service_id).toBeGreaterThan(0);
    expect(request?.record.connection_id).toBeGreaterThan(0n);
  });
});

test('a body is left out, the next answer is not', () => {
  using it = talk();
  const body = Buffer.alloc(1400, 'x');
  it.send('client', REQUEST);
  it.send('server', Buffer.concat([Buffer.from(ANSWER), body]));
  it.send('server', body);
  it.send('server', body);
  it.send('server', ANSWER);
  const answers = it.places().slice(1);
  const first = ANSWER.length + body.length;
  expect(answers).toEqual([
    `HTTP server 0+${WINDOW}/${first} FIRST`,
    `HTTP server ${first + 2800}+${ANSWER.length}/${ANSWER.length}`,
  ]);
});

test('a head that is split over segments is captured up to the window', () => {
  using it = talk();
  const head = `${REQUEST.slice(0, -2)}X-Long: ${'y'.repeat(1500)}\r\n\r\n`;
  for (let at = 0; at < head.length; at += 300) it.send('client', head.slice(at, at + 300));
  const seen = it.seen();
  expect(seen.map((one) => one.text).join('')).toBe(head.slice(0, WINDOW));
  expect(seen.at(-1)?.what).toBe('HTTP client 900+124/300');
});

test('a head of which the first segment is three bytes', () => {
  using it = talk();
  it.send('client', REQUEST.slice(0, 3));
  it.send('client', REQUEST.slice(3));
  expect(it.seen().map((one) => one.text)).toEqual([REQUEST.slice(0, 3), REQUEST.slice(3)]);
});

test('what is sent again is not captured again; of a segment that overlaps, only what is new', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.send('client', REQUEST, 0);
  it.send('client', REQUEST.slice(5), 5);
  const more = `${REQUEST}${REQUEST}`;
  it.send('client', more, 0);
  expect(it.seen()).toEqual([
    { what: `HTTP client 0+${REQUEST.length}/${REQUEST.length} FIRST`, text: REQUEST },
    { what: `HTTP client ${REQUEST.length}+${REQUEST.length}/${REQUEST.length}`, text: REQUEST },
  ]);
});

test('a probe that keeps the connection alive is not payload', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.send('client', 'x', REQUEST.length - 1);
  expect(it.places()).toHaveLength(1);
});

test('requests in a row are all captured, within the window of a turn and beyond', () => {
  using it = talk();
  for (let i = 0; i < 60; i++) it.send('client', REQUEST);
  const seen = it.seen();
  expect(seen.map((one) => one.text).join('')).toBe(REQUEST.repeat(60));
});

test('bytes that did not pass here show as a jump', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.lose('client', 500);
  it.send('client', REQUEST);
  expect(it.places().at(-1)).toBe(`HTTP client ${REQUEST.length + 500}+${REQUEST.length}/${REQUEST.length}`);
});

test('an answer of more than 2 GiB leaves the window behind', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.send('server', ANSWER);
  for (let i = 0; i < 5; i++) {
    it.lose('server', 1 << 29);
    it.send('server', Buffer.alloc(500, 'x'));
  }
  expect(it.places()).toHaveLength(2);
  it.send('server', Buffer.alloc(1400, 'x'));
  expect(it.places()).toEqual([]);
});

test('the end is told once, when both sides have closed', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.close();
  const [, ...rest] = it.captures();
  expect(rest.map((one) => [one.protocol, one.bytes.length, one.length, one.flags])).toEqual([['HTTP', 0, 0, ['END']]]);
});

test('a reset is an end, too', () => {
  using it = talk();
  it.send('client', REQUEST);
  it.reset('server');
  it.reset('server');
  expect(it.captures().map((one) => one.flags)).toEqual([['FIRST'], ['END']]);
});

test('a connection that is taken up in the middle has no first payload', () => {
  using it = talk({ open: false });
  it.send('client', 'the end of something');
  it.send('client', REQUEST);
  expect(it.places()).toEqual([`HTTP client 20+${REQUEST.length}/${REQUEST.length}`]);
});
