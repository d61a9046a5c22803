/**
 * The flows of all nodes in the order of keys, wherever they are: memory has the newest records of each session,
 * history all before them. A reading says once, at its begin, what memory has, by place and not by time; history gives the
 * rest, so there is neither a seam nor a duplicate. What memory loses while the reading goes on is read from history, too.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { HubbleFlow } from '../wire/hubble.ts';
import { FlowFilter } from '../flows/filter.ts';
import type { FlowPlace } from '../flows/flow-uuid.ts';
import type { Emitter } from '../flows/hubble-flow.ts';
import type { Visibility } from './access/visibility.ts';
import { type FoundFlow, isGone, render } from './found-flow.ts';
import type { HistoryReader } from './history/reader/history-reader.ts';
import type { StoredFlow } from './history/reader/stored-flows.ts';
import { isPassing, StoreError } from './history/sql-engine.ts';
import type { AgentSession } from './ingest/agent-session.ts';
import { compareKeys, type FlowKey, NewestKeys } from './store/flow-key.ts';
import { type FlowQuery, ROUNDING_NS } from './store/flow-search.ts';
import { type FlowStore, seek } from './store/flow-store.ts';
import { HeldPlaces } from './store/held-places.ts';
import { collectNewest, inOrder, type MemoryFlow, type Part, partsOf, type RangeQuery } from './store/memory-flows.ts';
import { merged } from './store/merged.ts';
import type { Wakeup } from './wakeup.ts';

/** Flows handed out at once. */
const PAGE = 256;
/** Followers wait this long after new flows, so that nodes are in order and little is done often. */
const GATHER_MS = 50;
/** Most flows that can be counted from the newest on; each takes about 100 bytes meanwhile. */
export const MAX_NEWEST = 100_000;

export interface FlowPage {
  flows: HubbleFlow[];
  /** Flows that were overwritten before they could be read, and are in no history. */
  lost: number;
}

const EVERYTHING = new FlowFilter([], '');

/** A flow is asked for that nobody holds any more. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

/** What the hub has for a reader. */
export interface FlowPlaces {
  readonly store: FlowStore;
  readonly newFlows: Wakeup;
  readonly emitter: Emitter;
  /** Null if the hub keeps flows in memory only. */
  readonly stored: HistoryReader | null;
  /** The session of each node that was heard last. */
  sessions(): AgentSession[];
}

export class FlowReading {
  readonly #hub: FlowPlaces;
  readonly #visibility: Visibility;
  readonly #parts: readonly Part[];
  /** Id of the first flow that is none of this reading's: where followers go on. */
  readonly #end: number;
  readonly #held: HeldPlaces;
  /** Of sessions that memory did not know at the begin: the last place read from history. */
  readonly #strangers = new Map<bigint, number>();
  /** Id after the last flow that memory had lost before. */
  readonly #evictedTo: number;
  #history: HistoryReader | null;
  #lost = 0;

  /**
   * Begins now. With `isFollowed` what arrives later is left to `follow`. Of all flows it gives those that may be seen, as
   * they may be seen.
   */
  constructor(hub: FlowPlaces, isFollowed: boolean, visibility: Visibility) {
    this.#hub = hub;
    this.#visibility = visibility;
    this.#history = hub.stored;
    this.#end = hub.store.nextId;
    this.#evictedTo = hub.store.evictedTo;
    this.#parts = partsOf(hub.store);
    this.#held = new HeldPlaces(hub.stored === null ? [] : this.#parts, hub.sessions(), isFollowed);
  }

  /** Where a flow stands that was read before. Throws a GoneError if nobody holds it any more, or it may not be seen. */
  async keyOf(place: FlowPlace, signal: AbortSignal): Promise<FlowKey> {
    for (const { extent, from, to } of this.#parts) {
      const index = place.sequence - extent.firstSequence;
      if (extent.segment === null || index < from || index >= to) continue;
      const { names } = extent.source;
      if (names.session !== place.session) continue;
      const record = seek(extent, index);
      if (!this.#visibility.shows(record, names)) throw gone();
      return { ...place, time: record.timeNs + extent.clockOffsetNs };
    }
    await this.#settle(signal);
    const time = await this.#history?.flows.timeOf(place, signal);
    if (time === null || time === undefined) throw gone();
    const key = { ...place, time };
    if (!this.#visibility.isAll) {
      const query = this.#visible({ filter: EVERYTHING, since: null, until: null, after: null, before: null });
      const found = await this.#history?.flows.at([key], query, signal);
      if (found?.length !== 1) throw gone();
    }
    return key;
  }

  /**
   * The oldest of the `limit` newest flows that the query selects, null if there is none; `limit` is at most MAX_NEWEST.
   * Where the store fails and memory has as many, they are taken for the newest.
   */
  async newest(asked: RangeQuery, limit: number, signal: AbortSignal): Promise<FlowKey | null> {
    if (limit <= 0) return null;
    const query = this.#visible(asked);
    const newest = new NewestKeys(limit);
    await collectNewest(this.#parts, query, newest, (parts) => this.#reload(parts, query, signal), signal);
    newest.settle();
    try {
      await this.#collectStored(query, newest, signal);
    } catch (error) {
      if (!(error instanceof StoreError && isPassing(error)) || newest.floor === null) throw error;
      this.#history = null;
    }
    return newest.oldest();
  }

  /**
   * The first `limit` flows that the query selects, by the order of keys. Rejects with a StoreError if history is needed and
   * fails, or with the signal's reason.
   */
  async *pages(asked: RangeQuery, limit: number, signal: AbortSignal): AsyncGenerator<FlowPage> {
    const query = this.#visible(asked);
    const memory = inOrder<StoredFlow>(this.#parts, query, (parts) => this.#reload(parts, query, signal), signal);
    const history = (await this.#mayHold(lowest(query))) ? this.#stored(query, signal) : null;
    let left = limit;
    for await (const flows of history === null ? memory : merged<FoundFlow>(memory, history)) {
      for (let at = 0; at < flows.length && left > 0; at += PAGE) {
        const page = flows.slice(at, at + Math.min(PAGE, left));
        left -= page.length;
        yield await this.#render(page, query, signal);
      }
      if (left <= 0) return;
    }
    if (this.#lost > 0) yield this.#page([]);
  }

  /**
   * What arrives after the reading's begin, until the signal is aborted. An empty page is given each time others may have
   * news, at least once a second.
   */
  async *follow(query: FlowQuery, signal: AbortSignal): AsyncGenerator<FlowPage> {
    const { store, newFlows } = this.#hub;
    const range = { ...this.#visible(query), after: null, before: null };
    let next = this.#end;
    for (;;) {
      if (next >= store.nextId) {
        await newFlows.wait(signal);
        await delay(GATHER_MS, undefined, { signal });
      }
      signal.throwIfAborted();
      const end = store.nextId;
      this.#lost += store.countMissing(next, end);
      const overwritten = async (parts: readonly Part[]): Promise<[]> => {
        for (const { from, to } of parts) this.#lost += to - from;
        return Promise.resolve([]);
      };
      for await (const flows of inOrder<MemoryFlow>(partsOf(store, next, end), range, overwritten, signal)) {
        const fresh = flows.filter((it) => it.sequence > (this.#strangers.get(it.session) ?? -1));
        for (let at = 0; at < fresh.length; at += PAGE) yield this.#renderHeld(fresh.slice(at, at + PAGE));
      }
      next = end;
      yield this.#page([]);
    }
  }

  async #collectStored(query: RangeQuery, newest: NewestKeys, signal: AbortSignal): Promise<void> {
    const { floor } = newest;
    if (!(await this.#mayHold(floor?.time ?? null))) return;
    const range =
      floor === null || (query.after !== null && query.after.time > floor.time) ? query : { ...query, after: floor };
    for await (const flows of this.#storedPages(range, 'backward', signal)) {
      for (const flow of flows) newest.add(flow);
      newest.settle();
      const last = flows.at(-1);
      // They come from new to old: what follows matters no more.
      if (last !== undefined && newest.floor !== null && compareKeys(last, newest.floor) <= 0) return;
    }
  }

  /** Waits for the store to have what memory has lost. */
  async #settle(signal: AbortSignal): Promise<void> {
    await this.#history?.settled(this.#hub.store.evictedTo, signal);
  }

  /** Whether history may have flows from this time on (Unix ns; null: of any time) that memory has not. */
  async #mayHold(since: bigint | null): Promise<boolean> {
    if (this.#history === null) return false;
    if (since === null || this.#history.isShared) return true;
    if (this.#hub.store.newestEvicted >= Number(since) - ROUNDING_NS) return true;
    return (await this.#history.newestAtStart()) >= since;
  }

  #visible<Query extends FlowQuery>(query: Query): Query {
    return { ...query, filter: this.#visibility.filter(query.filter) };
  }

  async *#stored(query: RangeQuery, signal: AbortSignal): AsyncGenerator<StoredFlow[]> {
    for await (const flows of this.#storedPages(query, 'forward', signal)) {
      for (const { session, sequence } of flows) {
        if (this.#held.knows(session)) continue;
        this.#strangers.set(session, Math.max(sequence, this.#strangers.get(session) ?? -1));
      }
      yield flows;
    }
  }

  async *#storedPages(
    query: RangeQuery,
    direction: 'forward' | 'backward',
    signal: AbortSignal,
  ): AsyncGenerator<StoredFlow[]> {
    const history = this.#history;
    if (history === null) return;
    const settled = await history.settled(this.#evictedTo, signal);
    if (settled < this.#evictedTo) this.#lost += this.#hub.store.countMissing(settled, this.#evictedTo);
    yield* history.flows.pages(query, direction, this.#held, signal);
  }

  /** The flows of evicted parts, from history. */
  async #reload(parts: readonly Part[], query: RangeQuery, signal: AbortSignal): Promise<StoredFlow[]> {
    let count = 0;
    for (const { from, to } of parts) count += to - from;
    if (this.#history === null) {
      this.#lost += count;
      return [];
    }
    await this.#settle(signal);
    const runs = parts.map(({ extent, from, to, minTime, maxTime }) => ({
      session: extent.source.names.session,
      from: extent.firstSequence + from,
      to: extent.firstSequence + to,
      since: BigInt(Math.trunc(minTime)) - BigInt(ROUNDING_NS),
      until: BigInt(Math.trunc(maxTime)) + BigInt(ROUNDING_NS),
    }));
    const { flows, found } = await this.#history.flows.runs(runs, query, signal);
    this.#lost += Math.max(0, count - found);
    return flows;
  }

  /** Those overwritten since they were found come from history. */
  async #render(flows: FoundFlow[], query: RangeQuery, signal: AbortSignal): Promise<FlowPage> {
    const gone = flows.filter(isGone);
    if (gone.length === 0) return this.#renderHeld(flows);
    if (this.#history === null) {
      this.#lost += gone.length;
      return this.#renderHeld(flows.filter((it) => !isGone(it)));
    }
    await this.#settle(signal);
    const stored = await this.#history.flows.at(gone, query, signal);
    const byPlace = new Map(stored.map((it) => [`${it.session} ${it.sequence}`, it]));
    const wanted = new Set<FoundFlow>(gone);
    const found = flows.flatMap((it) => (wanted.has(it) ? (byPlace.get(`${it.session} ${it.sequence}`) ?? []) : [it]));
    this.#lost += flows.length - found.length;
    // Meanwhile others may have been overwritten.
    return this.#render(found, query, signal);
  }

  /** All of them are there; nothing may wait between that and this. */
  #renderHeld(flows: readonly FoundFlow[]): FlowPage {
    return this.#page(flows.flatMap((flow) => render(flow, this.#hub.emitter, this.#visibility) ?? []));
  }

  #page(flows: HubbleFlow[]): FlowPage {
    const lost = this.#lost;
    this.#lost = 0;
    return { flows, lost };
  }
}

function gone(): GoneError {
  return new GoneError('The flow of the cursor is no longer kept; begin anew.');
}

function lowest({ since, after }: RangeQuery): bigint | null {
  if (since === null || after === null) return since ?? after?.time ?? null;
  return since > after.time ? since : after.time;
}
