/** Walks over stored flows from old to new, for readers that take all of them: slice by slice, in nearly no memory. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FlowQuery, mayHold, MESSAGE_SLICE, timeTest } from './flow-search.ts';
import { type FlowStore, seek } from './flow-store.ts';

/** Records looked at before other work gets its turn. */
const SLICE = 4096;
/** Flows held back to put those of several nodes in order. */
const HELD = 4096;

export interface Found {
  id: number;
  /** Unix ns, rounded to 256 ns. */
  time: number;
}

/** What a slice holds, and how many flows of its range were overwritten since the walk began. */
export interface Slice {
  found: Found[];
  missing: number;
}

/** Matching flows with ids in [from, to), in order of arrival. Rejects with the signal's reason when it is aborted. */
export async function* scanFlows(
  store: FlowStore,
  query: FlowQuery,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<Slice> {
  const inTime = timeTest(query);
  const budget = query.filter.messageNames.length > 0 ? MESSAGE_SLICE : SLICE;
  let slice: Slice = { found: [], missing: 0 };
  let left = budget;
  for (const extent of store.extents(from, to)) {
    if (!mayHold(extent, query)) continue;
    const end = Math.min(to, extent.firstId + extent.count);
    let id = Math.max(from, extent.firstId);
    while (id < end) {
      if (extent.segment === null) {
        slice.missing += end - id;
        break;
      }
      const matches = query.filter.predicate(extent.source.names);
      const stop = Math.min(end, id + left);
      left -= stop - id;
      for (; id < stop; id++) {
        const record = seek(extent, id - extent.firstId);
        if (inTime(record, extent) && matches(record, extent.firstSequence + id - extent.firstId)) {
          slice.found.push({ id, time: record.timeNumber + extent.clockOffset });
        }
      }
      if (left > 0) continue;
      yield slice;
      await nextTurn();
      signal.throwIfAborted();
      slice = { found: [], missing: 0 };
      left = budget;
    }
  }
  yield slice;
}

/** Flows of several nodes arrive interleaved; this hands them out by time, as far as those held back tell. */
export class TimeOrder {
  #held: Found[] = [];

  /** Takes flows, gives those that no later one is likely to precede. */
  push(found: readonly Found[]): Found[] {
    const all = byTime([...this.#held, ...found]);
    const out = all.slice(0, Math.max(0, all.length - HELD));
    this.#held = all.slice(out.length);
    return out;
  }

  rest(): Found[] {
    const rest = this.#held;
    this.#held = [];
    return rest;
  }
}

/** Sorts in place; those of the same time stay in order of arrival. */
export function byTime(found: Found[]): Found[] {
  return found.sort((a, b) => a.time - b.time || a.id - b.id);
}
