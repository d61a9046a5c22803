/** Records are lost in the kernel's ring and in the agent, on purpose; the counts say exactly where each of them is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClockOffset } from '../../server/agent/clock.ts';
import { CounterReader } from '../../server/agent/counters.ts';
import { Drain } from '../../server/agent/drain.ts';
import { Outbox, type OutboxPlace } from '../../server/agent/outbox.ts';
import { RecordCounter } from '../../server/agent/record-counts.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import { testRun } from '../../server/kernel/test-run.ts';
import { AGGREGATION_LEVEL } from '../../server/wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import * as build from './packet-builder.ts';
import { TestBed } from './test-bed.ts';

const RING_RECORDS = Math.floor((16 * 1024 * 1024) / (RECORD_LAYOUT.size + 8));

let bed: TestBed;
beforeAll(async () => {
  // Each packet makes a record.
  bed = await TestBed.create('rec', { config_level: AGGREGATION_LEVEL.MAX });
});
afterAll(() => bed[Symbol.dispose]());

/** Datagrams of one connection. */
function send(times: number): void {
  const address = (pod: string): string => bed.pod(pod).addresses.find((it) => !it.includes(':')) ?? '';
  const { podMac, hostMac, hostIfindex } = bed.pod('client');
  const udp = build.udp({ sourcePort: 20_000, destinationPort: 9 }, Buffer.alloc(8));
  const ends = { source: address('client'), destination: address('one') };
  const packet = build.frame({ source: podMac, destination: hostMac }, build.ip(ends, udp));
  bed.inside(() => testRun(bed.datapath.programFd('from_pod'), packet, { ifindex: hostIfindex }, times));
}

/** Takes all batches there are, as a hub would. @returns how many records they have. */
function receive(place: OutboxPlace): number {
  let records = 0;
  for (let batch = place.next(); batch !== undefined; batch = place.next()) {
    records += batch.records;
    place.advance(batch);
  }
  return records;
}

test('what the kernel produced is what hubs got, what waits, and what was lost in ring and buffer', () => {
  const { maps } = bed.datapath;
  const reader = new CounterReader(maps);
  send(1000);
  // A former agent took some of these.
  {
    using ring = new RingBuffer(maps.events);
    expect(ring.drain({ take: () => true }, 400)).toBe(400);
  }
  using ring = new RingBuffer(maps.events);
  const { lost: lostBefore } = reader.events();
  const counter = new RecordCounter({
    kernel: () => reader.events(),
    ringBytes: () => ring.pending,
    recordSize: RECORD_LAYOUT.size,
    lostBefore,
  });
  const outbox = new Outbox(4 * 1024 * 1024);
  const place = outbox.open();
  using drain = new Drain({
    ring,
    outbox,
    clock: new ClockOffset(),
    recordSize: RECORD_LAYOUT.size,
    lostInRing: () => 0,
    onBatch: () => undefined,
  });
  const look = (): Record<string, number> => {
    const { drained, taken } = drain;
    const counts = counter.counts({ drained, taken, batched: outbox.records, buffer: outbox.lost });
    const { produced, ring: ringLost, buffer, unbatched, taken_before } = counts;
    const waiting = unbatched + place.waiting;
    // Every record is in one of these places.
    expect(ringLost + waiting + place.skipped + place.handed).toBe(produced);
    return { produced, ring: ringLost, buffer, waiting, handed: place.handed, taken_before };
  };
  expect(look()).toEqual({ produced: 600, ring: 0, buffer: 0, waiting: 600, handed: 0, taken_before: 400 });

  send(100_000);
  const full = look();
  expect(full).toMatchObject({ produced: 100_600, buffer: 0, waiting: 100_600 - (full['ring'] ?? 0) });
  // The ring leaves one record's room at its end.
  expect(Math.abs((full['waiting'] ?? 0) - RING_RECORDS)).toBeLessThanOrEqual(1);

  drain.finish();
  const drained = look();
  expect(drained['buffer']).toBeGreaterThan(50_000);
  expect(drained).toMatchObject({ produced: 100_600, ring: full['ring'], handed: 0 });

  const received = receive(place);
  send(50);
  drain.finish();
  expect(look()).toEqual({ ...drained, produced: 100_650, waiting: 50, handed: received });
  expect(receive(place)).toBe(50);
  expect(look()).toMatchObject({ waiting: 0, handed: received + 50 });
});
