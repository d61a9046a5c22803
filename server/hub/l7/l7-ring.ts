/** Increments of all series, and what agents lost, over the last 15 minutes. */
import type { L7Losses } from '../../wire/l7-table.ts';
import { type Window, WindowRing } from '../window-ring.ts';
import { L7_SUMS, type L7Totals, LOSS_SUMS } from './l7-totals.ts';
import type { L7Increments } from './series-tracker.ts';
import type { TrackedSeries } from './tracked-series.ts';

/** Map entries over all buckets, about 50 bytes each: 100 MB at most. */
const MAX_ENTRIES = 2_000_000;
/** Nodes that lost something, over all buckets, about 150 bytes each. */
const MAX_LOSSES = 200_000;

export interface L7Window extends Window<TrackedSeries, L7Totals> {
  /** By node; only those that lost something. */
  losses: Map<string, L7Losses>;
}

export class L7Ring {
  readonly #series = new WindowRing<TrackedSeries, L7Totals>(L7_SUMS, MAX_ENTRIES);
  readonly #losses = new WindowRing<string, L7Losses>(LOSS_SUMS, MAX_LOSSES);
  /** The sums asked for last: in one second all readers of a window share them. */
  #last: L7Window | null = null;

  /** Adds what the agent of `node` reported up to `second` (Unix seconds). */
  add(second: number, node: string, { series, losses, exact }: L7Increments): void {
    this.#last = null;
    this.#series.add(second, series, exact);
    const isLoss = Object.values(losses).some((count) => count > 0);
    this.#losses.add(second, isLoss ? [[node, losses]] : [], true);
  }

  /** What is missing from a second on, because an agent is gone. */
  addBlind(second: number): void {
    this.#last = null;
    this.#series.add(second, [], false);
  }

  /** Unix seconds from which on windows are whole; null before the first report. `now`: Unix seconds. */
  wholeFrom(now: number): number | null {
    return this.#series.wholeFrom(now);
  }

  /** Sums over whole buckets within [since, until) (whole Unix seconds), not to be changed; `now`: Unix seconds. */
  window(since: number, until: number, now: number): L7Window {
    if (this.#last?.since === since && this.#last.until === until) return this.#last;
    const losses = this.#losses.window(since, until, now).rows;
    this.#last = { ...this.#series.window(since, until, now), losses };
    return this.#last;
  }
}
