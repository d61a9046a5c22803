/**
 * Kafka messages written from the protocol's definition (kafka.apache.org/protocol), for tests and benchmarks: there is
 * no broker to record from.
 */
import type { Write } from './play.ts';

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(value: string): Buffer {
  return Buffer.concat([int16(value.length), Buffer.from(value)]);
}

/** Compact lengths are one more, so that 0 is null; values here fit one or two bytes. */
function compact(length: number): Buffer {
  const value = length + 1;
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([(value & 0x7f) | 0x80, value >> 7]);
}

function text(value: string, isFlexible: boolean): Buffer {
  return isFlexible ? Buffer.concat([compact(value.length), Buffer.from(value)]) : string(value);
}

function count(value: number, isFlexible: boolean): Buffer {
  return isFlexible ? compact(value) : int32(value);
}

const NO_TAGS = Buffer.from([0]);
const NOTHING = Buffer.alloc(0);
/** API key -> first flexible version, of those used here. */
const FLEXIBLE = new Map([
  [0, 9],
  [1, 12],
  [3, 9],
  [8, 8],
  [10, 3],
  [11, 6],
  [12, 4],
  [18, 3],
]);

function isFlexible(key: number, version: number): boolean {
  return version >= (FLEXIBLE.get(key) ?? 99);
}

function framed(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

export function request(key: number, version: number, id: number, ...body: Buffer[]): Buffer {
  const tags = isFlexible(key, version) ? NO_TAGS : NOTHING;
  return framed(int16(key), int16(version), int32(id), string('shop'), tags, ...body);
}

/** With the head of versions that are not flexible. */
export function response(id: number, ...body: Buffer[]): Buffer {
  return framed(int32(id), ...body);
}

export function produce(id: number, version: number, topic: string, acks: number, records = NOTHING): Buffer {
  const flexible = isFlexible(0, version);
  const transaction = version < 3 ? NOTHING : flexible ? NO_TAGS : int16(-1);
  const name = version >= 13 ? Buffer.alloc(16, 0x61) : text(topic, flexible);
  const partition = Buffer.concat([count(1, flexible), int32(0), int32(records.length), records]);
  return request(0, version, id, transaction, int16(acks), int32(1000), count(1, flexible), name, partition);
}

export function produced(id: number, version: number, topic: string, error: number): Buffer {
  const flexible = isFlexible(0, version);
  const partition = Buffer.concat([count(1, flexible), int32(0), int16(error), Buffer.alloc(8)]);
  return response(id, flexible ? NO_TAGS : NOTHING, count(1, flexible), text(topic, flexible), partition);
}

/** '' for a session that names no topics. */
export function fetch(id: number, version: number, topic: string): Buffer {
  const flexible = isFlexible(1, version);
  const limits = Buffer.alloc(12 + (version >= 3 ? 4 : 0) + (version >= 4 ? 1 : 0) + (version >= 7 ? 8 : 0));
  const topics =
    topic === '' ? count(0, flexible) : Buffer.concat([count(1, flexible), text(topic, flexible), int32(0)]);
  return request(1, version, id, limits, topics);
}

/** A producer's and a consumer's connection in one, with flexible versions and others. */
export function session(): Write[] {
  const exchanges: [asked: Buffer, answered: Buffer][] = [
    [request(18, 3, 1, text('lib', true), text('1.0', true), NO_TAGS), response(1, int16(0), compact(0))],
    [
      request(3, 12, 2, compact(1), Buffer.alloc(16), text('orders', true), NO_TAGS),
      response(2, NO_TAGS, int32(0), compact(0)),
    ],
    [produce(3, 9, 'orders', -1, Buffer.from('s3cret')), produced(3, 9, 'orders', 0)],
    [produce(4, 8, 'orders', 1), produced(4, 8, 'orders', 6)],
    [produce(5, 2, 'orders', 1), produced(5, 2, 'orders', 0)],
    [request(10, 3, 6, text('group', true), NO_TAGS), response(6, NO_TAGS, int32(0), int16(0))],
    [request(11, 5, 7, string('group'), int32(10_000)), response(7, int32(0), int16(79))],
    [fetch(8, 12, 'orders'), response(8, NO_TAGS, int32(0), int16(0), int32(1))],
    [fetch(9, 11, ''), response(9, int32(0), int16(0), int32(1))],
    [request(12, 4, 10, text('group', true)), response(10, NO_TAGS, int32(0), int16(27))],
    [request(8, 7, 11, string('group')), response(11, int32(0))],
  ];
  return exchanges.flatMap(([asked, answered]) => [
    { fromClient: true, bytes: asked },
    { fromClient: false, bytes: answered },
  ]);
}
