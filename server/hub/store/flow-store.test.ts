import { describe, expect, it } from 'vitest';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { parseFilter } from '../../flows/filter.ts';
import { RecordCursor } from '../../flows/record.ts';
import { writeRecord } from '../../flows/record-writer.ts';
import { findFlows } from './flow-search.ts';
import { type FlowSource, FlowStore, type NewRecords, seek, SEGMENT_BYTES } from './flow-store.ts';

const NEVER = new AbortController().signal;
const ALL = parseFilter([]);

function source(node: string): FlowSource {
  const names = new AgentDictionary(node);
  return { names, uuid: String, cursor: new RecordCursor(RECORD_LAYOUT), recordSize: RECORD_LAYOUT.size };
}

/** Records whose time, source port and place in their session are the given numbers. */
function records(times: readonly number[], captured = 0): NewRecords {
  const parts = times.map((time) =>
    writeRecord(RECORD_LAYOUT, { time_ns: time, source_port: time & 0xffff, protocol: 6, captured }),
  );
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.length, 0));
  return {
    bytes: Buffer.concat(parts),
    count: times.length,
    firstSequence: times[0] ?? 0,
    offsets: captured === 0 ? null : Uint32Array.from(starts),
    clockOffsetNs: 0n,
    minTime: Math.min(...times),
    maxTime: Math.max(...times),
  };
}

function timeOf(store: FlowStore, id: number): number {
  const extent = store.extentFrom(id);
  if (extent === undefined) throw new Error('no such flow');
  return seek(extent, id - extent.firstId).timeNumber;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('the flow store', () => {
  it('gives ids in order of arrival and finds records by them', () => {
    const store = new FlowStore(4 * SEGMENT_BYTES);
    const [a, b] = [source('a'), source('b')];
    expect(store.append(a, records([10, 11]))).toBe(1);
    expect(store.append(b, records([5]))).toBe(3);
    expect(store.append(a, records([12]))).toBe(4);
    expect([1, 2, 3, 4].map((id) => timeOf(store, id))).toEqual([10, 11, 5, 12]);
    expect(store.extentFrom(5)).toBeUndefined();
    expect(store.extentUpTo(100)?.firstId).toBe(4);
    expect(store.stored).toBe(4);
  });

  it('reads records with captured bytes, also over the end of a segment', () => {
    const store = new FlowStore(4 * SEGMENT_BYTES);
    const a = source('a');
    const times = range(1, 500);
    store.append(a, records(times, 1001));
    expect(times.map((id) => timeOf(store, id))).toEqual(times);
  });

  it('joins small batches of one agent to one extent', () => {
    const store = new FlowStore(SEGMENT_BYTES);
    const a = source('a');
    for (const time of range(1, 100)) store.append(a, records([time]));
    expect(store.extentFrom(1)?.count).toBe(100);
  });

  it('overwrites the oldest, and keeps what a quiet node sent', () => {
    const store = new FlowStore(4 * SEGMENT_BYTES);
    const [quiet, busy] = [source('quiet'), source('busy')];
    store.append(quiet, records([1]));
    for (const i of range(0, 20)) store.append(busy, records(range(i * 1000, 1000)));
    expect(store.usedBytes).toBe(4 * SEGMENT_BYTES);
    expect(store.stored + store.evicted).toBe(20_001);
    expect(timeOf(store, 1)).toBe(1);
    expect(timeOf(store, 20_001)).toBe(19_999);
    expect(store.countMissing(1, store.nextId)).toBe(store.evicted);
    expect(store.oldestId).toBe(1);
  });

  it('serves more nodes than it has segments', () => {
    const store = new FlowStore(2 * SEGMENT_BYTES);
    for (const i of range(0, 10)) store.append(source(`node-${i}`), records([i]));
    expect(store.stored).toBe(2);
    expect(timeOf(store, 10)).toBe(9);
  });

  it('stays readable over many evictions', () => {
    const store = new FlowStore(2 * SEGMENT_BYTES);
    const [a, b] = [source('a'), source('b')];
    for (const i of range(0, 3000)) store.append(i % 2 === 0 ? a : b, records(range(i * 10, 10)));
    for (let id = store.nextId - 1; id > store.nextId - 500; id--) expect(timeOf(store, id)).toBe(id - 1);
  });
});

describe('finding flows', () => {
  const store = new FlowStore(8 * SEGMENT_BYTES);
  const a = source('a');
  store.append(a, records(range(1000, 5000)));

  const query = (filter: string, since: bigint | null = null, until: bigint | null = null) => ({
    filter: parseFilter(new URLSearchParams(filter)),
    since,
    until,
  });

  it('newest and oldest, in order of arrival', async () => {
    expect(await findFlows(store, query(''), 3, 'newest', NEVER)).toEqual([4998, 4999, 5000]);
    expect(await findFlows(store, query(''), 3, 'oldest', NEVER)).toEqual([1, 2, 3]);
    expect(await findFlows(store, query(''), 0, 'newest', NEVER)).toEqual([]);
  });

  it('by filter', async () => {
    expect(await findFlows(store, query('port=1009'), 10, 'newest', NEVER)).toEqual([10]);
    expect(await findFlows(store, query('port=9'), 10, 'oldest', NEVER)).toEqual([]);
  });

  it('by time, both bounds inclusive and exact', async () => {
    expect(await findFlows(store, query('', 5998n), 10, 'oldest', NEVER)).toEqual([4999, 5000]);
    expect(await findFlows(store, query('', 1001n, 1003n), 10, 'newest', NEVER)).toEqual([2, 3, 4]);
    expect(await findFlows(store, query('', 6000n), 10, 'newest', NEVER)).toEqual([]);
  });

  it('stops when it is aborted', async () => {
    const big = new FlowStore(64 * SEGMENT_BYTES);
    const batch = records(range(0, 1000));
    for (let i = 0; i < 60; i++) big.append(a, batch);
    const aborted = AbortSignal.abort(new Error('gone'));
    await expect(findFlows(big, { filter: ALL, since: 0n, until: null }, 1e6, 'newest', aborted)).rejects.toThrow(
      'gone',
    );
  });
});
