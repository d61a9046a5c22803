import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { paddedCapture } from '../flows/record.ts';
import type { RingBuffer } from '../kernel/ring-buffer.ts';
import { BATCH_HEADER } from '../wire/agent.ts';
import { RECORD_TYPE } from '../wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import type { ClockOffset } from './clock.ts';
import { Drain } from './drain.ts';
import { type Batch, Outbox } from './outbox.ts';

const EMPTY = { drain: () => 0 } as unknown as RingBuffer;
const CLOCK = { ns: 0n } as ClockOffset;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function started(): { drain: Drain; batches: Batch[] } {
  const batches: Batch[] = [];
  const drain = new Drain({
    ring: EMPTY,
    outbox: new Outbox(64 * 1024 * 1024),
    clock: CLOCK,
    recordSize: RECORD_LAYOUT.size,
    lostInRing: () => 0,
    onBatch: (batch) => batches.push(batch),
  });
  return { drain, batches };
}

/** A record with so many bytes after it, all of which are `mark`. */
function record(captured: number, mark: number): { words: Int32Array; bytes: number } {
  const bytes = RECORD_LAYOUT.size + paddedCapture(captured);
  const memory = Buffer.alloc(bytes, mark);
  memory[RECORD_LAYOUT.fields.type.offset] = captured > 0 ? RECORD_TYPE.L7 : RECORD_TYPE.NEW;
  memory.writeUInt16LE(captured, RECORD_LAYOUT.fields.captured.offset);
  return { words: new Int32Array(memory.buffer, memory.byteOffset, bytes / 4), bytes };
}

/** Captured bytes and marks of the records of a batch, as a hub reads it. */
function read({ bytes, records }: Batch): [captured: number, mark: number][] {
  const found: [number, number][] = [];
  let at: number = BATCH_HEADER.size;
  for (let i = 0; i < records; i++) {
    const captured = bytes.readUInt16LE(at + RECORD_LAYOUT.fields.captured.offset);
    const end = at + RECORD_LAYOUT.size + paddedCapture(captured);
    found.push([captured, bytes[end - 1] as number]);
    at = end;
  }
  expect(at).toBe(bytes.length);
  return found;
}

test('records with and without a message share batches, and none is torn apart', () => {
  const { drain, batches } = started();
  const sent: [number, number][] = [];
  for (let i = 0; i < 5000; i++) {
    const captured = i % 3 === 0 ? 0 : 1 + ((i * 37) % 2000);
    const { words, bytes } = record(captured, i & 0xff);
    expect(drain.take(words, 0, bytes)).toBe(true);
    sent.push([captured, i & 0xff]);
  }
  drain.finish();
  drain[Symbol.dispose]();
  expect(batches.length).toBeGreaterThan(2);
  expect(batches.flatMap(read)).toEqual(sent);
});

test('a lone message is sent when it is old enough', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const { drain, batches } = started();
  const { words, bytes } = record(100, 7);
  drain.take(words, 0, bytes);
  vi.advanceTimersByTime(20);
  expect(batches).toHaveLength(0);
  vi.advanceTimersByTime(60);
  expect(batches.map(read)).toEqual([[[100, 7]]]);
  drain[Symbol.dispose]();
});
