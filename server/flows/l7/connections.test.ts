import { unpack } from 'msgpackr';
import { expect, test } from 'vitest';
import type { L7Message } from '../../wire/l7.ts';
import { L7_MODE, L7_PROTOCOL } from '../../wire/lists.gen.ts';
import { CAPTURE_FLAG_UDP, RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { RecordCursor } from '../record.ts';
import { MAX_BYTES, MAX_CONNECTIONS } from './connection-room.ts';
import { Connections } from './connections.ts';
import { EVENTS_PER_SECOND } from './event-limit.ts';
import { MAX_PARSER_BYTES, type MessageSink, type Parser } from './parser.ts';
import { END, FIRST, give, giver } from './testing/captures.ts';

/** Notes what it is told; keeps as many bytes as it is said to. */
class NotingParser implements Parser {
  readonly notes: string[] = [];
  bytes = 0;
  next: Parser | undefined;

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    if (bytes.toString() === 'throw') throw new Error('a fault');
    const kept = /^keep (\d+)$/.exec(bytes.toString())?.[1];
    if (kept !== undefined) this.bytes = Number(kept);
    this.notes.push(`${fromClient ? '>' : '<'} ${bytes.toString()} @${timeNs}`);
  }

  skip(fromClient: boolean, length: number): void {
    this.notes.push(`${fromClient ? '>' : '<'} skip ${length}`);
  }
}

/** A table whose parsers are noted, by the order of their making. */
function noting(): { table: Connections; parsers: NotingParser[]; made: string[]; faults: number[] } {
  const parsers: NotingParser[] = [];
  const made: string[] = [];
  const faults: number[] = [];
  const table = new Connections({
    take: () => undefined,
    onFault: (protocol) => faults.push(protocol),
    factory: (protocol, isDatagram) => (_, redaction) => {
      const parser = new NotingParser();
      parsers.push(parser);
      made.push(`${protocol} ${isDatagram ? 'datagram' : 'stream'} ${redaction}`);
      return parser;
    },
  });
  return { table, parsers, made, faults };
}

const text = (it: string): Buffer => Buffer.from(it);
const ID = (7n << 40n) | 9n;
const ask = (bytes: string, sequence: number, more: object = {}) =>
  ({ connection: ID, fromClient: true, bytes: text(bytes), sequence, ...more }) as const;
const tell = (bytes: string, sequence: number, more: object = {}) =>
  ({ connection: ID, fromClient: false, bytes: text(bytes), sequence, ...more }) as const;

test('bytes come in order: what was seen is left out, what is missing is skipped', () => {
  const { table, parsers } = noting();
  // Around the end of the sequence numbers.
  give(table, ask('abcd', 0xffff_fffe, { flags: FIRST }));
  give(table, ask('cdef', 0));
  give(table, ask('ab', 0xffff_fffe));
  give(table, ask('xy', 10));
  give(table, tell('answer', 500, { flags: FIRST, timeNs: (1n << 40n) + 5n }));
  give(table, ask('z', 12));
  expect(parsers).toHaveLength(1);
  expect(parsers[0]?.notes).toEqual([
    '> abcd @1000',
    '> ef @1000',
    '> skip 6',
    '> xy @1000',
    `< answer @${2 ** 40 + 5}`,
    '> z @1000',
  ]);
});

test('a direction whose beginning was not seen begins with a skip', () => {
  const { table, parsers } = noting();
  give(table, tell('middle', 77));
  expect(parsers[0]?.notes).toEqual(['< skip 1', '< middle @1000']);
});

test('what is left out of a packet is skipped when the other side speaks, or the connection ends', () => {
  const { table, parsers } = noting();
  give(table, ask('head', 0, { flags: FIRST, length: 100 }));
  // Another capture of the same packet.
  give(table, ask('tail', 96, { length: 4 }));
  give(table, ask('more', 100, { length: 50 }));
  give(table, tell('ok', 0, { flags: FIRST, length: 9 }));
  give(table, ask('', 150, { flags: END }));
  expect(parsers[0]?.notes).toEqual([
    '> head @1000',
    '> skip 92',
    '> tail @1000',
    '> more @1000',
    '> skip 46',
    '< ok @1000',
    '< skip 7',
  ]);
  expect(table).toMatchObject({ size: 0, bytes: 0 });
});

test('datagrams have no order; one that was cut says so', () => {
  const { table, parsers, made } = noting();
  const udp = { flags: CAPTURE_FLAG_UDP, protocol: L7_PROTOCOL.DNS };
  give(table, ask('keep 9', 0, udp));
  give(table, ask('two', 0, { ...udp, length: 10 }));
  expect(made).toEqual([`${L7_PROTOCOL.DNS} datagram metadata`]);
  expect(parsers[0]?.notes).toEqual(['> keep 9 @1000', '> two @1000', '> skip 7']);
  expect(table.size).toBe(1);
  // All is answered: nothing is left to remember.
  give(table, tell('keep 0', 0, udp));
  expect(table).toMatchObject({ size: 0, bytes: 0, losses: { evicted: 0 } });
});

test('a connection that goes on in another protocol', () => {
  const { table, parsers, made } = noting();
  give(table, ask('plain', 0, { flags: FIRST, mode: L7_MODE.FULL }));
  give(table, ask('hello', 5, { protocol: L7_PROTOCOL.TLS, mode: L7_MODE.FULL }));
  expect(made).toEqual([`${L7_PROTOCOL.HTTP} stream full`, `${L7_PROTOCOL.TLS} stream full`]);
  expect(parsers[1]?.notes).toEqual(['> hello @1000']);
  // An upgrade that the parser has seen goes to the parser it has made.
  const next = new NotingParser();
  if (parsers[1] !== undefined) parsers[1].next = next;
  give(table, ask('frames', 10, { protocol: L7_PROTOCOL.HTTP2, mode: L7_MODE.FULL }));
  expect(next.notes).toEqual(['> frames @1000']);
  expect(parsers).toHaveLength(2);
});

test('a parser that throws costs its connection, and is told of once', () => {
  const { table, faults } = noting();
  give(table, { ...ask('fine', 0), connection: 1n });
  for (const connection of [2n, 3n]) give(table, { ...ask('throw', 0), connection });
  expect(faults).toEqual([L7_PROTOCOL.HTTP]);
  expect(table).toMatchObject({ size: 1, faults: 2 });
});

test('captures of no protocol that is read, or of no connection, are left alone', () => {
  const table = new Connections({ take: () => undefined, onFault: () => undefined });
  give(table, ask('bytes', 0, { protocol: 200 }));
  give(table, { ...ask('bytes', 0), connection: 0n });
  give(table, ask('', 0, { flags: END }));
  expect(table).toMatchObject({ size: 0, captures: 3, faults: 0 });
});

test('connections are bounded; those heard of lately stay', () => {
  const { table, parsers } = noting();
  const hear = giver(table, ask('x', 0, { flags: FIRST }));
  for (let i = 1; i <= MAX_CONNECTIONS; i++) hear(i);
  expect(table.losses.evicted).toBe(0);
  // All were heard of, so number 1 goes, the oldest. Then number 2 is heard of again, so number 3 goes.
  hear(100_001);
  hear(2);
  hear(100_002);
  expect(table).toMatchObject({ size: MAX_CONNECTIONS, losses: { evicted: 2 } });
  const made = parsers.length;
  hear(2);
  expect(parsers).toHaveLength(made);
  hear(3);
  expect(parsers).toHaveLength(made + 1);
});

test('connections that were idle for long are no loss', () => {
  const { table } = noting();
  const old = giver(table, ask('x', 0, { flags: FIRST }));
  for (let i = 1; i <= MAX_CONNECTIONS; i++) old(i);
  const late = giver(table, ask('x', 0, { flags: FIRST, timeNs: 400_000_000_000n }));
  for (let i = 1; i <= 100; i++) late(100_000 + i);
  expect(table).toMatchObject({ size: MAX_CONNECTIONS, losses: { evicted: 0 } });
});

test('memory is bounded: of one connection, and of all', () => {
  const { table } = noting();
  give(table, { ...ask(`keep ${MAX_PARSER_BYTES + 1}`, 0), connection: 1n });
  expect(table).toMatchObject({ size: 0, bytes: 0, losses: { evicted: 1 } });
  const fit = Math.floor(MAX_BYTES / MAX_PARSER_BYTES);
  for (let i = 1; i <= fit + 50; i++) {
    give(table, { ...ask(`keep ${MAX_PARSER_BYTES}`, 0), connection: BigInt(i) });
    if (table.bytes > MAX_BYTES) throw new Error(`${table.bytes} bytes`);
  }
  expect(table.size).toBeGreaterThan(fit * 0.9);
  expect(table.losses.evicted).toBeGreaterThan(50);
});

interface Event {
  record: RecordCursor;
  message: L7Message;
  bytes: Buffer;
}

/** A table of the product's own parsers, and the events it makes. */
function reading(): { table: Connections; events: Event[] } {
  const events: Event[] = [];
  const table = new Connections({
    onFault: (_, error) => {
      throw error;
    },
    take: (words, length) => {
      const bytes = Buffer.from(Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, length));
      const record = new RecordCursor(RECORD_LAYOUT).moveTo(
        new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
        0,
      );
      const { size } = RECORD_LAYOUT;
      events.push({ record, bytes, message: unpack(bytes.subarray(size, size + record.captured)) as L7Message });
    },
  });
  return { table, events };
}

test('an event is the header of its capture and the message', () => {
  const { table, events } = reading();
  give(table, ask('GET /orders/17 HTTP/1.1\r\nHost: shop\r\n\r\n', 0, { flags: FIRST, record: { service_id: 5 } }));
  give(table, tell('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 0, { flags: FIRST, timeNs: 4_001_000n }));
  const [request, response] = events;
  expect(events).toHaveLength(2);
  expect(request?.record).toMatchObject({ type: 7, isReply: false, serviceId: 5, timeNumber: 1000, connectionId: ID });
  expect(request?.record.endpoint('source')).toBe(1);
  expect(response?.record).toMatchObject({ isReply: true, timeNumber: 4_001_000 });
  expect(response?.record.endpoint('source')).toBe(2);
  expect(response?.message).toMatchObject({ kind: 'RESPONSE', latency_ns: 4e6, route: 'GET /orders/{id}' });
  for (const { bytes, record } of events) {
    expect(bytes.length % 8).toBe(0);
    expect(bytes.length - RECORD_LAYOUT.size - record.captured).toBeLessThan(8);
  }
});

test('series have the client for their source, whoever was seen first', () => {
  const { table } = reading();
  const request = ask('GET /a HTTP/1.1\r\n\r\n', 10, { flags: FIRST, record: { source_endpoint: 0, service_id: 5 } });
  // A late piece of an answer, of a client of the world.
  give(table, tell('rest', 3, { record: { destination_endpoint: 0, service_id: 5 } }));
  give(table, request);
  expect(table.report(false, 0).series).toMatchObject([
    {
      source_endpoint: 0,
      destination_endpoint: 2,
      source_identity: 300,
      destination_identity: 301,
      service_id: 5,
      port: 8080,
      peer: '10.0.0.1',
      protocol: 'http',
      route: 'GET /a',
      requests: 1,
    },
  ]);
  expect(table.losses.gaps).toBe(1);
});

test('above the limit exchanges send no events, and count all the same', () => {
  const { table, events } = reading();
  const exchanges = EVENTS_PER_SECOND + 500;
  const request = 'GET / HTTP/1.1\r\n\r\n';
  const response = 'HTTP/1.1 204 No Content\r\n\r\n';
  for (let i = 0; i < exchanges; i++) {
    give(table, ask(request, i * request.length, { flags: i === 0 ? FIRST : 0 }));
    give(table, tell(response, i * response.length, { flags: i === 0 ? FIRST : 0 }));
  }
  expect(events).toHaveLength(2 * EVENTS_PER_SECOND);
  expect(table.losses).toEqual({ gaps: 0, malformed: 0, unsent: 500, evicted: 0 });
  expect(table.report(true, 0).series).toMatchObject([{ requests: exchanges, responses: exchanges }]);
  // A second later there is room again.
  give(table, ask(request, exchanges * request.length, { timeNs: 2_000_000_000n }));
  expect(events).toHaveLength(2 * EVENTS_PER_SECOND + 1);
});

test('a flood of names reaches hubs in parts, all of it, and what is kept is bounded', () => {
  let told: MessageSink | undefined;
  const table = new Connections({
    take: () => undefined,
    onFault: () => undefined,
    factory: () => (sink) => {
      told = sink;
      return new NotingParser();
    },
  });
  give(table, ask('x', 0));
  for (let n = 0; n < 25_000; n++) told?.name(`${n}.example.com.`, [`203.0.${n >> 8}.${n & 255}`]);
  const parts = Array.from({ length: 11 }, () => table.report(false, 0).names);
  expect(parts.map((it) => it.length)).toEqual([...Array<number>(10).fill(1000), 0]);
  expect(new Set(parts.flat().map((it) => it.address)).size).toBe(10_000);
  expect(parts[9]?.at(-1)?.name).toBe('24999.example.com.');
  expect(table.report(true, 0).names).toHaveLength(10_000);
});

test('names of addresses: new ones once, all when asked for', () => {
  let told: MessageSink | undefined;
  const table = new Connections({
    take: () => undefined,
    onFault: () => undefined,
    factory: () => (sink) => {
      told = sink;
      return new NotingParser();
    },
  });
  give(table, ask('x', 0));
  told?.name('api.example.com.', ['203.0.113.7', '203.0.113.8']);
  told?.name('api.example.com.', ['203.0.113.7']);
  expect(table.report(false, 0).names).toEqual([
    { address: '203.0.113.7', name: 'api.example.com.' },
    { address: '203.0.113.8', name: 'api.example.com.' },
  ]);
  told?.name('www.example.com.', ['203.0.113.7']);
  expect(table.report(false, 0).names).toEqual([{ address: '203.0.113.7', name: 'www.example.com.' }]);
  expect(table.report(true, 0).names).toHaveLength(2);
});
