/**
 * The time strip of a reader who may see only some namespaces: counted from the stored flows that they may see, in
 * place of the hub's own totals, which tell of all.
 */
import type { TimelineMessage } from '../../wire/live.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import { FlowFilter } from '../../flows/filter.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { seek } from '../store/flow-store.ts';
import { Timeline, TIMELINE_S } from '../timeline.ts';

/** Flows looked at in one turn; where more came, or were there at the start, the rest follows in the next turns. */
const MAX_LOOK = 100_000;
const EVERYTHING = new FlowFilter([], '');

export class VisibleTimeline {
  readonly #state: HubState;
  readonly #visibility: Visibility;
  readonly #seen = new Timeline();
  #next: number;

  constructor(state: HubState, visibility: Visibility) {
    this.#state = state;
    this.#visibility = visibility;
    this.#next = state.store.oldestId;
  }

  /** Counts what has come since the last call. `now`: Unix ms. */
  update(now: number): void {
    const { store } = this.#state;
    const filter = this.#visibility.filter(EVERYTHING);
    const end = Math.min(store.nextId, this.#next + MAX_LOOK);
    while (this.#next < end) {
      const extent = store.extentFrom(this.#next);
      if (extent === undefined || extent.firstId >= end) break;
      const test = filter.predicate(extent.source.names);
      const last = Math.min(end, extent.firstId + extent.count) - 1;
      for (let id = Math.max(this.#next, extent.firstId); id <= last; id++) {
        const record = seek(extent, id - extent.firstId);
        const timeMs = (record.timeNumber + extent.clockOffset) / 1e6;
        if (timeMs <= now - TIMELINE_S * 1000 || timeMs > now) continue;
        if (!test(record, extent.firstSequence + id - extent.firstId)) continue;
        this.#seen.addFlows(timeMs, 1);
        if (record.type === RECORD_TYPE.DROP) this.#seen.addDrops(timeMs, 1 + record.suppressed);
      }
      this.#next = last + 1;
    }
    this.#next = Math.max(this.#next, end);
  }

  rate(now: number, what: 'flows' | 'drops'): number {
    return this.#seen.rate(now, what);
  }

  /** What happened to nodes, and whether records were lost, is the same for all. */
  message(now: number, windowS: number, bucketS: number): TimelineMessage {
    const all = this.#state.timeline.message(now, windowS, bucketS);
    const seen = this.#seen.message(now, windowS, bucketS);
    const buckets = seen.buckets.map((bucket, i) => ({ ...bucket, lost: all.buckets[i]?.lost ?? false }));
    return { ...all, buckets };
  }
}
