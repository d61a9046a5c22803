/** Reading memory in the order of keys, although agents deliver late and several at once. */
import { describe, expect, it } from 'vitest';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { parseFilter } from '../../flows/filter.ts';
import { RecordCursor } from '../../flows/record.ts';
import { writeRecord } from '../../flows/record-writer.ts';
import { compareKeys, type FlowKey, justBefore, NewestKeys } from './flow-key.ts';
import { type FlowSource, FlowStore } from './flow-store.ts';
import { collectNewest, inOrder, type Part, partsOf, type RangeQuery } from './memory-flows.ts';

const NEVER = new AbortController().signal;
const ALL: RangeQuery = { filter: parseFilter([]), since: null, until: null, after: null, before: null };
const none = async (): Promise<FlowKey[]> => Promise.resolve([]);

function source(node: string, session: bigint): FlowSource {
  const names = new AgentDictionary(node, session);
  return { names, uuid: String, cursor: new RecordCursor(RECORD_LAYOUT), recordSize: RECORD_LAYOUT.size };
}

/** 40 batches of each of 3 nodes, interleaved, every fifth of them late; and the keys of all in order. */
function filled(bytes = 64 * 1024 * 1024): { store: FlowStore; keys: FlowKey[] } {
  const store = new FlowStore(bytes);
  const keys: FlowKey[] = [];
  const sources = [1n, 2n, 3n].map((session) => source(`node-${session}`, session));
  for (let batch = 0; batch < 40; batch++) {
    for (const from of sources) {
      const { session } = from.names;
      const begin = 1_000_000 * (batch % 5 === 4 ? batch - 4 : batch) + Number(session) * 777;
      const times = Array.from({ length: 250 }, (_, i) => begin + Math.floor(i / 2) * 9000 + (i % 3) * 100);
      // Each batch has a clock of its own, so each is an extent.
      const clockOffsetNs = 1_772_618_400_000_000_000n + BigInt(batch);
      const bounds = times.map((it) => it + Number(clockOffsetNs));
      const firstSequence = batch * times.length;
      store.append(from, {
        bytes: Buffer.concat(times.map((time_ns) => writeRecord(RECORD_LAYOUT, { time_ns }))),
        count: times.length,
        firstSequence,
        offsets: null,
        clockOffsetNs,
        minTime: Math.min(...bounds),
        maxTime: Math.max(...bounds),
      });
      for (const [i, time] of times.entries()) {
        keys.push({ time: BigInt(time) + clockOffsetNs, session, sequence: firstSequence + i });
      }
    }
  }
  return { store, keys: keys.sort(compareKeys) };
}

const keyOf = ({ time, session, sequence }: FlowKey): FlowKey => ({ time, session, sequence });

describe('flows in memory', () => {
  it('come in the order of their keys, some at a time', async () => {
    const { store, keys } = filled();
    const slices: FlowKey[][] = [];
    for await (const flows of inOrder(partsOf(store), ALL, none, NEVER)) slices.push(flows.map(keyOf));
    expect(slices.flat()).toEqual(keys);
    expect(slices.length).toBeGreaterThan(3);
    expect(Math.max(...slices.map((it) => it.length))).toBeLessThan(keys.length / 2);
  });

  it('come from between two others', async () => {
    const { store, keys } = filled();
    const found: FlowKey[] = [];
    const query = { ...ALL, after: keys[100]!, before: keys[20_000]! };
    for await (const flows of inOrder(partsOf(store), query, none, NEVER)) found.push(...flows.map(keyOf));
    expect(found).toEqual(keys.slice(101, 20_000));
  });

  it.each([1, 63, 1000, 29_999, 40_000])('%i newest of them are found', async (limit) => {
    const { store, keys } = filled();
    const newest = new NewestKeys(limit);
    await collectNewest(partsOf(store), ALL, newest, none, NEVER);
    expect(keyOf(newest.oldest()!)).toEqual(keys[Math.max(0, keys.length - limit)]);
  });

  it('are asked for elsewhere when they were evicted meanwhile, and stay in order', async () => {
    const { store, keys } = filled(8 * 1024 * 1024);
    const parts = partsOf(store);
    const late = source('node-1', 9n);
    const reloaded: Part[] = [];
    const reload = async (some: readonly Part[]): Promise<FlowKey[]> => {
      reloaded.push(...some);
      const runs = some.map(({ extent }) => extent);
      return Promise.resolve(
        keys.filter((key) =>
          runs.some(
            ({ source: { names }, firstSequence, count }) =>
              names.session === key.session && key.sequence >= firstSequence && key.sequence < firstSequence + count,
          ),
        ),
      );
    };
    const bytes = Buffer.concat(Array.from({ length: 1000 }, () => writeRecord(RECORD_LAYOUT, {})));
    const more = { bytes, count: 1000, offsets: null, clockOffsetNs: 0n, minTime: 0, maxTime: 0 };
    for (let i = 0; i < 20; i++) store.append(late, { ...more, firstSequence: i * 1000 });
    const found: FlowKey[] = [];
    for await (const flows of inOrder(parts, ALL, reload, NEVER)) found.push(...flows.map(keyOf));
    expect(reloaded.length).toBeGreaterThan(5);
    expect(found).toEqual(keys);
  });

  it('are left when the reader goes away', async () => {
    const { store } = filled();
    const gone = AbortSignal.abort(new Error('gone'));
    const walk = async (): Promise<void> => {
      for await (const flows of inOrder(partsOf(store), ALL, none, gone)) expect(flows.length).toBeLessThan(20_000);
    };
    await expect(walk()).rejects.toThrow('gone');
    await expect(collectNewest(partsOf(store), ALL, new NewestKeys(1e6), none, gone)).rejects.toThrow('gone');
  });

  it('begin with the one that a key stands just before', () => {
    const key = { time: 1n, session: 2n, sequence: 0 };
    expect(compareKeys(justBefore(key), key)).toBeLessThan(0);
  });
});
