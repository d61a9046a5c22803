/** Whose captures are left out when there are more than are read, of prepared packets. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CounterReader } from '../../server/agent/counters.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import { testRun } from '../../server/kernel/test-run.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { CaptureReader } from './capture-reader.ts';
import * as build from './packet-builder.ts';
import { TestBed } from './test-bed.ts';

const RING_BYTES = 16 * 1024 * 1024;
const QUERY = Buffer.concat([Buffer.from('1234010000010000000000000473686f700000010001', 'hex'), Buffer.alloc(1200)]);
/** 8 bytes of the ring's, 184 of headers, and the first 1024 of the payload. */
const CAPTURE_BYTES = 8 + 184 + 1024;

let bed: TestBed;
let reader: CaptureReader;
let counters: CounterReader;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7s');
  reader = new CaptureReader(bed.datapath.maps.captures);
  counters = new CounterReader(bed.datapath.maps);
});
beforeEach(() => void reader.read());
afterAll(() => {
  reader[Symbol.dispose]();
  bed[Symbol.dispose]();
});

/** A query of one pod to another, each of a connection of its own. */
function query(from: string, to: string): Buffer {
  const address = (pod: string): string => bed.pod(pod).addresses.find((it) => !it.includes(':')) ?? '';
  const { podMac, hostMac } = bed.pod(from);
  const ends = { source: address(from), destination: address(to) };
  const ports = { sourcePort: nextPort++, destinationPort: 53 };
  return build.frame({ source: podMac, destination: hostMac }, build.ip(ends, build.udp(ports, QUERY)));
}

/** Sends it so many times. @returns how many captures were written and lost. */
function send(from: string, packet: Buffer, times: number): { written: number; lost: number } {
  const before = counters.captures();
  const skb = { ifindex: bed.pod(from).hostIfindex };
  const { retval } = bed.inside(() => testRun(bed.datapath.programFd('from_pod'), packet, skb, times));
  expect(retval).toBe(7);
  const after = counters.captures();
  return { written: after.written - before.written, lost: after.lost - before.lost };
}

test('a flood of one pod leaves a quarter of the ring to others; what is left out is counted, and its packets go on', () => {
  const flood = send('client', query('client', 'one'), 18_000);
  expect(flood.written + flood.lost).toBe(18_000);
  expect(flood.written * CAPTURE_BYTES).toBeGreaterThan(RING_BYTES / 4);
  expect(flood.written * CAPTURE_BYTES).toBeLessThan(RING_BYTES * 0.75);
  expect(send('one', query('one', 'client'), 300)).toEqual({ written: 300, lost: 0 });
  // Nor do more connections help.
  for (let n = 0; n < 200; n++) send('client', query('client', 'one'), 50);
  expect(reader.pending).toBeLessThan(RING_BYTES * 0.75 + 310 * CAPTURE_BYTES);
  expect(send('two', query('two', 'client'), 300)).toEqual({ written: 300, lost: 0 });
  expect(reader.read().length).toBeGreaterThan(0);
  expect(send('client', query('client', 'one'), 100)).toEqual({ written: 100, lost: 0 });
});

test('strangers that write much still leave room: the ring is never full', () => {
  const pods = ['client', 'one', 'two'];
  for (let round = 0; round < 100; round++)
    for (const from of pods) send(from, query(from, from === 'one' ? 'two' : 'one'), 200);
  expect(reader.pending).toBeLessThan(RING_BYTES * 0.9);
});

test('of more connections than are read, some are read as a whole', () => {
  const ring = new RingBuffer(bed.datapath.maps.captures);
  const connections = Array.from({ length: 64 }, () => query('client', 'one'));
  const seen = new Map<number, number>();
  const take = (words: Int32Array, at: number): boolean => {
    const id = words[at + RECORD_LAYOUT.fields.connection_id.offset / 4] ?? 0;
    seen.set(id, (seen.get(id) ?? 0) + 1);
    return true;
  };
  const [rounds, counted, each, read] = [60, 20, 20, 500];
  for (let round = 0; round < rounds; round++) {
    if (round === rounds - counted) seen.clear();
    for (const packet of connections) send('client', packet, each);
    // A step of the ring's own is 64 records at most.
    for (let taken = 0; taken < read; taken += 50) ring.drain({ take }, 50);
  }
  ring[Symbol.dispose]();
  const most = counted * each;
  const parts = [...seen.values()].map((it) => it / most);
  const all = parts.reduce((sum, it) => sum + it, 0);
  const whole = parts.filter((it) => it > 0.9).reduce((sum, it) => sum + it, 0);
  expect(all).toBeCloseTo(read / each, 0);
  expect(whole / all).toBeGreaterThan(0.75);
});
