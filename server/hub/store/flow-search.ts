/**
 * Finds flows by filter and time. Works on raw records, gives ids; yields to the event loop between
 * slices, so a search over a full store never stops ingest.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Names } from '../../flows/dictionary.ts';
import type { Selection } from '../../flows/filter-test.ts';
import type { RecordCursor } from '../../flows/record.ts';
import { type Extent, type FlowStore, seek } from './flow-store.ts';

/** Records looked at before other work gets its turn: about a millisecond. */
const SLICE = 20_000;
/** The same where messages have to be decoded. */
export const MESSAGE_SLICE = 250;
/** Times as numbers are rounded to 256 ns; closer to a bound than this the exact time decides. */
export const ROUNDING_NS = 2048;

/** Which flows are asked for: a filter of the API's language, or one of the Hubble API. */
export interface RecordFilter {
  /** The test for flows of the session with these names and their places in it; valid until the names' revision changes. */
  predicate(names: Names): (record: RecordCursor, sequence: number) => boolean;
  /** Names of the parameters that read messages of applications. */
  readonly messageNames: readonly string[];
  /** What it asks, in words: for a search that others narrow before the predicate decides. */
  readonly selection: Selection;
}

export interface FlowQuery {
  filter: RecordFilter;
  /** Unix ns, inclusive; null for no bound. */
  since: bigint | null;
  until: bigint | null;
}

/**
 * Ids of the `limit` newest matching flows (`newest`), or of the oldest ones, in order of arrival.
 * Rejects with the signal's reason when it is aborted.
 */
export async function findFlows(
  store: FlowStore,
  query: FlowQuery,
  limit: number,
  which: 'newest' | 'oldest',
  signal: AbortSignal,
): Promise<number[]> {
  const found: number[] = [];
  if (limit <= 0) return found;
  const inTime = timeTest(query);
  const slice = query.filter.messageNames.length > 0 ? MESSAGE_SLICE : SLICE;
  let looked = 0;
  const end = store.nextId;
  const step = which === 'newest' ? -1 : 1;
  let id = which === 'newest' ? end - 1 : 0;
  for (;;) {
    const extent = which === 'newest' ? store.extentUpTo(id) : store.extentFrom(id);
    if (extent === undefined || extent.firstId >= end) break;
    const last = Math.min(end, extent.firstId + extent.count) - 1;
    id = which === 'newest' ? Math.min(id, last) : Math.max(id, extent.firstId);
    if (mayHold(extent, query)) {
      const test = query.filter.predicate(extent.source.names);
      for (; id >= extent.firstId && id <= last && looked < slice; id += step, looked += 1) {
        const record = seek(extent, id - extent.firstId);
        if (!inTime(record, extent) || !test(record, extent.firstSequence + id - extent.firstId)) continue;
        found.push(id);
        if (found.length >= limit) return which === 'newest' ? found.toReversed() : found;
      }
    } else {
      id = which === 'newest' ? extent.firstId - 1 : last + 1;
    }
    if (looked >= slice) {
      looked = 0;
      await nextTurn();
      signal.throwIfAborted();
    }
  }
  return which === 'newest' ? found.toReversed() : found;
}

/** Whether the time under the cursor lies within the query's bounds, exact to the nanosecond. */
export function timeTest(query: FlowQuery): (record: RecordCursor, extent: Extent) => boolean {
  const { since, until } = query;
  if (since === null && until === null) return () => true;
  const low = since === null ? -Infinity : Number(since);
  const high = until === null ? Infinity : Number(until);
  return (record, extent) => {
    const time = record.timeNumber + extent.clockOffset;
    if (time < low - ROUNDING_NS || time > high + ROUNDING_NS) return false;
    if (time > low + ROUNDING_NS && time < high - ROUNDING_NS) return true;
    const exact = record.timeNs + extent.clockOffsetNs;
    return (since === null || exact >= since) && (until === null || exact <= until);
  };
}

export function mayHold(extent: Extent, query: FlowQuery): boolean {
  if (query.since !== null && extent.maxTime < Number(query.since) - ROUNDING_NS) return false;
  return query.until === null || extent.minTime <= Number(query.until) + ROUNDING_NS;
}
