/**
 * Reads the flows that memory holds at one moment, in the order of keys. Agents deliver late, and several at once, so
 * neither ids nor extents are in that order; their bounds in time say how far a reader has to look.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys, type FlowKey, type NewestKeys } from './flow-key.ts';
import { type FlowQuery, MESSAGE_SLICE, ROUNDING_NS, timeTest } from './flow-search.ts';
import { type Extent, type FlowStore, seek } from './flow-store.ts';

/** Records looked at before other work gets its turn. */
const SLICE = 8192;
/** Flows gathered before they are put in order. */
const GATHERED = 4096;

/** A query between two flows. */
export interface RangeQuery extends FlowQuery {
  /** Only what comes after, or before, this one; null for no bound. */
  after: FlowKey | null;
  before: FlowKey | null;
}

/** A flow in memory; `extent` may be evicted at any later time. */
export interface MemoryFlow extends FlowKey {
  readonly extent: Extent;
  /** Place in the extent. */
  readonly index: number;
}

/** The records that an extent had when the reading began, or some of them. */
export interface Part {
  readonly extent: Extent;
  /** Places in the extent: [from, to). */
  readonly from: number;
  readonly to: number;
  /** The extent's bounds in time; it may grow. */
  readonly minTime: number;
  readonly maxTime: number;
}

/** Gets the flows that the query selects of parts that were evicted, in any order. */
export type Reload<F> = (parts: readonly Part[]) => Promise<readonly F[]>;

/** Evicted parts reloaded at once. */
const RELOADED = 16;

/** What memory holds now of the flows with ids in [from, to). */
export function partsOf(store: FlowStore, from = 0, to = store.nextId): Part[] {
  return store.extents(from, to).map((extent) => {
    const { firstId, count, minTime, maxTime } = extent;
    return { extent, from: Math.max(0, from - firstId), to: Math.min(count, to - firstId), minTime, maxTime };
  });
}

/** The parts that may hold flows within the query's bounds. */
export function partsWithin(parts: readonly Part[], { since, until, after, before }: RangeQuery): Part[] {
  const low = Number(laterOf(since, after?.time ?? null) ?? 0n) - ROUNDING_NS;
  const upper = [until, before?.time].filter((it) => it !== null && it !== undefined).map(Number);
  const high = Math.min(Infinity, ...upper) + ROUNDING_NS;
  return parts.filter((part) => part.maxTime >= low && part.minTime <= high);
}

/**
 * Gives `newest` the keys of all that the query selects, from new to old, until none can matter any more. Rejects with
 * the signal's reason when it is aborted.
 */
export async function collectNewest(
  parts: readonly Part[],
  query: RangeQuery,
  newest: NewestKeys,
  reload: Reload<FlowKey>,
  signal: AbortSignal,
): Promise<void> {
  const order = partsWithin(parts, query).sort((a, b) => b.maxTime - a.maxTime);
  const pace = new Pace(query, signal);
  for (let at = 0; at < order.length; at++) {
    const part = order[at];
    if (part === undefined) break;
    newest.settle();
    if (newest.floor !== null && part.maxTime + ROUNDING_NS < Number(newest.floor.time)) break;
    const evicted = evictedFrom(order, at);
    const found = evicted.length > 0 ? await reload(evicted) : matching(part, query);
    for (const flow of found) newest.add(flow);
    at += Math.max(0, evicted.length - 1);
    await pace.looked(part.to - part.from);
  }
}

/** All flows that the query selects, from old to new, some at a time; holds back only what overlaps in time. */
export async function* inOrder<F extends FlowKey>(
  parts: readonly Part[],
  query: RangeQuery,
  reload: Reload<F>,
  signal: AbortSignal,
): AsyncGenerator<(MemoryFlow | F)[]> {
  const order = partsWithin(parts, query).sort((a, b) => a.minTime - b.minTime);
  const pace = new Pace(query, signal);
  let held: (MemoryFlow | F)[] = [];
  let gathered = 0;
  for (let at = 0; at < order.length; at++) {
    const part = order[at];
    if (part === undefined) break;
    const evicted = evictedFrom(order, at);
    const found = evicted.length > 0 ? await reload(evicted) : matching(part, query);
    for (const flow of found) held.push(flow);
    gathered += found.length;
    at += Math.max(0, evicted.length - 1);
    await pace.looked(part.to - part.from);
    const next = order[at + 1];
    if (next === undefined || gathered < Math.max(GATHERED, held.length / 2)) continue;
    gathered = 0;
    const bound = BigInt(Math.trunc(next.minTime)) - BigInt(ROUNDING_NS);
    held.sort(compareKeys);
    const end = held.findIndex((flow) => flow.time >= bound);
    if (end === 0) continue;
    yield end < 0 ? held : held.slice(0, end);
    held = end < 0 ? [] : held.slice(end);
  }
  yield held.sort(compareKeys);
}

/** The evicted parts that follow one another from `at` on, a few at most. */
function evictedFrom(order: readonly Part[], at: number): Part[] {
  const evicted: Part[] = [];
  for (let i = at; i < order.length && evicted.length < RELOADED; i++) {
    const part = order[i];
    if (part === undefined || part.extent.segment !== null) break;
    evicted.push(part);
  }
  return evicted;
}

/** Lets other work have its turn after so many records. */
class Pace {
  readonly #signal: AbortSignal;
  readonly #slice: number;
  #looked = 0;

  constructor(query: RangeQuery, signal: AbortSignal) {
    this.#slice = query.filter.messageNames.length > 0 ? MESSAGE_SLICE : SLICE;
    this.#signal = signal;
  }

  async looked(records: number): Promise<void> {
    this.#looked += records;
    if (this.#looked < this.#slice) return;
    this.#looked = 0;
    await nextTurn();
    this.#signal.throwIfAborted();
  }
}

/** The flows of a part that the query selects; the part must not be evicted. */
function matching(part: Part, query: RangeQuery): MemoryFlow[] {
  const { extent, from, to } = part;
  const { session } = extent.source.names;
  const inTime = timeTest(query);
  const test = query.filter.predicate(extent.source.names);
  const { after, before } = query;
  const found: MemoryFlow[] = [];
  for (let index = from; index < to; index++) {
    const record = seek(extent, index);
    const sequence = extent.firstSequence + index;
    if (!inTime(record, extent) || !test(record, sequence)) continue;
    const flow = { time: record.timeNs + extent.clockOffsetNs, session, sequence, extent, index };
    if (after !== null && compareKeys(flow, after) <= 0) continue;
    if (before !== null && compareKeys(flow, before) >= 0) continue;
    found.push(flow);
  }
  return found;
}

function laterOf(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
