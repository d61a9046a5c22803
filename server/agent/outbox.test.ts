import { expect, test } from 'vitest';
import { BATCH_HEADER, KIND } from '../wire/agent.ts';
import { Outbox, type OutboxPlace } from './outbox.ts';

const data = new Uint8Array(68);
/** Bytes of one batch of `data`. */
const BATCH = BATCH_HEADER.size + data.length;

function filled(limit: number, batches: number): Outbox {
  const outbox = new Outbox(limit);
  for (let i = 0; i < batches; i++) outbox.add(data, 2, 5n, 0);
  return outbox;
}

/** Hands over all there is, or so many batches. @returns their numbers. */
function send(place: OutboxPlace, most = Infinity): number[] {
  const numbers: number[] = [];
  for (let batch = place.next(); batch !== undefined && numbers.length < most; batch = place.next()) {
    place.advance(batch);
    numbers.push(batch.number);
  }
  return numbers;
}

test('a batch carries its header', () => {
  const outbox = new Outbox(1000);
  outbox.add(data, 3, 0n, 0);
  const { bytes } = outbox.add(data, 2, -5n, 7);
  expect(bytes[0]).toBe(KIND.batch);
  expect(bytes.readUInt32LE(BATCH_HEADER.count)).toBe(2);
  expect(bytes.readBigUInt64LE(BATCH_HEADER.number)).toBe(2n);
  expect(bytes.readBigUInt64LE(BATCH_HEADER.first_sequence)).toBe(3n);
  expect(bytes.readBigInt64LE(BATCH_HEADER.clock_offset_ns)).toBe(-5n);
  expect(bytes.readBigUInt64LE(BATCH_HEADER.lost)).toBe(7n);
});

test('a hub that holds nothing gets all that is kept, received or not', () => {
  const place = filled(10 * BATCH, 4).open();
  place.begin({ batch: 0, records: 0, missing: 0 }, true);
  expect(send(place)).toEqual([1, 2, 3, 4]);
  place.received(3);
  place.begin({ batch: 2, records: 4, missing: 0 }, true);
  expect(send(place)).toEqual([3, 4]);
  place.begin({ batch: 0, records: 0, missing: 0 }, true);
  expect(send(place)).toEqual([1, 2, 3, 4]);
  // No hub holds what does not exist: it speaks of another session.
  place.begin({ batch: 9, records: 18, missing: 0 }, true);
  expect(send(place)).toEqual([1, 2, 3, 4]);
});

test('the oldest make room; only what no hub had is lost', () => {
  const outbox = filled(3 * BATCH, 3);
  const place = outbox.open();
  send(place, 1);
  place.received(1);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(0);
  expect(place).toMatchObject({ waiting: 6, skipped: 0 });
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(2);
  // Batch 2 is gone before the hub had it.
  expect(place).toMatchObject({ waiting: 6, skipped: 2 });
  expect(send(place)).toEqual([3, 4, 5]);
  expect(place).toMatchObject({ waiting: 0, skipped: 2 });
  expect(outbox.bytes).toBe(3 * BATCH);
});

test('receipt of what was never sent is ignored', () => {
  const outbox = filled(1 * BATCH, 1);
  outbox.open().received(99);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(2);
});

test('what one hub received is not lost, and the other knows what it was not sent', () => {
  const outbox = filled(3 * BATCH, 3);
  const [one, other] = [outbox.open(), outbox.open()];
  send(one);
  one.received(3);
  outbox.add(data, 2, 0n, 0);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(0);
  expect(one).toMatchObject({ waiting: 4, skipped: 0 });
  expect(send(other)).toEqual([3, 4, 5]);
  expect(other).toMatchObject({ waiting: 0, skipped: 4 });
});

test('a batch that makes room while it is under way is lost only when it is known not to have arrived', () => {
  const outbox = filled(2 * BATCH, 2);
  const [one, other] = [outbox.open(), outbox.open()];
  send(one);
  send(other);
  outbox.add(data, 2, 0n, 0);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(0);
  // One of the hubs comes back without it; it may have reached the other.
  one.begin({ batch: 0, records: 0, missing: 0 }, true);
  expect(outbox.lost).toBe(0);
  other.received(1);
  other.begin({ batch: 1, records: 2, missing: 0 }, true);
  expect(outbox.lost).toBe(2);
  expect(send(other)).toEqual([3, 4]);
  expect(other.skipped).toBe(2);
});

test('a hub that is gone for good has received nothing more', () => {
  const outbox = filled(1 * BATCH, 1);
  const place = outbox.open();
  send(place);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(0);
  place.close();
  expect(outbox.lost).toBe(2);
});

test('a hub that shall archive gets again what is not held for good, before anything new', () => {
  const outbox = filled(4 * BATCH, 4);
  const place = outbox.open();
  send(place, 3);
  place.received(3);
  place.again(1);
  expect(place).toMatchObject({ waiting: 2, handed: 6 });
  expect(send(place, 1)).toEqual([2]);
  expect(place).toMatchObject({ waiting: 2, handed: 6 });
  outbox.add(data, 2, 0n, 0);
  expect(send(place)).toEqual([3, 4, 5]);
  expect(place).toMatchObject({ waiting: 0, skipped: 0, handed: 10 });
  // What made room meanwhile is not there any more; what is new is.
  place.again(0);
  outbox.add(data, 2, 0n, 0);
  expect(send(place)).toEqual([3, 4, 5, 6]);
  expect(place.next()).toBeUndefined();
});

test('what was skipped before a batch that did not arrive is skipped once', () => {
  const outbox = filled(2 * BATCH, 2);
  const place = outbox.open();
  place.begin({ batch: 0, records: 0, missing: 0 }, true);
  send(place, 1);
  place.received(1);
  for (let i = 0; i < 3; i++) outbox.add(data, 2, 0n, 0);
  // Batches 2 and 3 made room; 4 and 5 are sent, and the connection breaks before they arrive.
  expect(send(place)).toEqual([4, 5]);
  expect(place).toMatchObject({ waiting: 0, skipped: 4, handed: 6 });
  place.begin({ batch: 1, records: 2, missing: 0 }, true);
  expect(place).toMatchObject({ waiting: 4, skipped: 4, handed: 2 });
  expect(send(place)).toEqual([4, 5]);
  expect(place).toMatchObject({ waiting: 0, skipped: 4, handed: 6 });
  place.received(5);
  place.begin({ batch: 5, records: 10, missing: 0 }, true);
  expect(place).toMatchObject({ waiting: 0, skipped: 4, handed: 6 });
  // Another process of the hub, which has nothing, gets what is kept.
  place.begin({ batch: 0, records: 0, missing: 0 }, true);
  expect(place).toMatchObject({ waiting: 4, skipped: 6, handed: 0 });
  expect(outbox.lost).toBe(4);
});

test('another hub at the same address says itself what it has not', () => {
  const outbox = filled(2 * BATCH, 5);
  const place = outbox.open();
  place.begin({ batch: 0, records: 0, missing: 0 }, false);
  expect(send(place)).toEqual([4, 5]);
  place.received(5);
  expect(place).toMatchObject({ waiting: 0, skipped: 6, handed: 4 });
  place.begin({ batch: 4, records: 8, missing: 2 }, false);
  expect(place).toMatchObject({ waiting: 2, skipped: 2, handed: 6 });
  expect(send(place)).toEqual([5]);
  expect(place).toMatchObject({ waiting: 0, skipped: 2, handed: 8 });
});
