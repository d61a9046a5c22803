import { expect, test } from 'vitest';
import { BATCH_HEADER, KIND } from '../wire/agent.ts';
import { Outbox } from './outbox.ts';

const data = new Uint8Array(68);
/** Bytes of one batch of `data`. */
const BATCH = BATCH_HEADER.size + data.length;

function filled(limit: number, batches: number): Outbox {
  const outbox = new Outbox(limit);
  for (let i = 0; i < batches; i++) outbox.add(data, 2, 5n, 0);
  return outbox;
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
  const outbox = filled(10 * BATCH, 4);
  outbox.received(3);
  expect(outbox.after(0).map((it) => it.number)).toEqual([1, 2, 3, 4]);
  expect(outbox.after(2).map((it) => it.number)).toEqual([3, 4]);
  expect(outbox.after(9)).toEqual([]);
});

test('the oldest make room; only what no hub had is lost', () => {
  const outbox = filled(3 * BATCH, 3);
  outbox.received(1);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(0);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(2);
  expect(outbox.after(0).map((it) => it.number)).toEqual([3, 4, 5]);
  expect(outbox.bytes).toBe(3 * BATCH);
});

test('receipt of what was never sent is ignored', () => {
  const outbox = filled(1 * BATCH, 1);
  outbox.received(99);
  outbox.add(data, 2, 0n, 0);
  expect(outbox.lost).toBe(2);
});
