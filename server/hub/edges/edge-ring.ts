/**
 * Increments of all edges over the last 15 minutes: one bucket a second for the last two minutes, then
 * one every ten seconds; where so many edges are active that this would not fit, the fine part is shorter.
 * Answers "what went over which edge between these two times".
 */
import type { EdgeIncrement } from './counter-tracker.ts';
import { addTotals, type EdgeTotals, type TrackedEdge, zeroTotals } from './tracked-edge.ts';

/** How far back windows reach, seconds. */
export const EDGE_HISTORY_S = 900;
const FINE_S = 120;
const COARSE_S = 10;
const MIN_FINE_S = 15;
/** Bound on edges over all buckets, about 150 bytes each. */
const MAX_ROWS = 600_000;

interface Bucket {
  /** Unix seconds, and length in seconds. */
  start: number;
  length: number;
  rows: Map<TrackedEdge, EdgeTotals>;
  exact: boolean;
}

export interface EdgeWindow {
  /** Unix seconds. */
  since: number;
  until: number;
  /** Seconds of the window for which there are data, at least 1. */
  covered: number;
  exact: boolean;
  rows: Map<TrackedEdge, EdgeTotals>;
}

export class EdgeRing {
  /** Oldest first. */
  #buckets: Bucket[] = [];
  #rows = 0;
  #fineS = FINE_S;
  /** Unix seconds from which on increments are complete; null before the first. */
  #begin: number | null = null;

  /** Adds what one node counted up to `second` (Unix seconds); never before the newest bucket. */
  add(second: number, increments: readonly EdgeIncrement[], exact: boolean): void {
    this.#begin ??= second - 1;
    const bucket = this.#current(second);
    if (!exact) bucket.exact = false;
    for (const { edge, by } of increments) {
      const row = bucket.rows.get(edge);
      if (row === undefined) {
        bucket.rows.set(edge, by);
        this.#rows += 1;
      } else {
        addTotals(row, by);
      }
    }
    this.#age(second);
  }

  /** Sums over whole buckets within [since, until) (whole Unix seconds); `now` is the time in Unix seconds. */
  window(since: number, until: number, now: number): EdgeWindow {
    const rows = new Map<TrackedEdge, EdgeTotals>();
    let exact = this.#begin !== null && since >= this.#begin;
    for (const bucket of this.#buckets) {
      if (bucket.start + bucket.length <= since || bucket.start >= until) continue;
      exact &&= bucket.exact;
      for (const [edge, totals] of bucket.rows) {
        let row = rows.get(edge);
        if (row === undefined) {
          row = zeroTotals();
          rows.set(edge, row);
        }
        addTotals(row, totals);
      }
    }
    // The second that is still being counted covers only its part that has passed.
    const covered = Math.max(1, Math.min(until, now) - Math.max(since, this.#begin ?? until));
    return { since, until, covered, exact, rows };
  }

  #current(second: number): Bucket {
    const last = this.#buckets.at(-1);
    if (last !== undefined && last.start >= second) return last;
    const bucket = { start: second, length: 1, rows: new Map<TrackedEdge, EdgeTotals>(), exact: true };
    this.#buckets.push(bucket);
    return bucket;
  }

  #age(second: number): void {
    const kept: Bucket[] = [];
    for (const bucket of this.#buckets) {
      if (bucket.start + bucket.length <= second - EDGE_HISTORY_S) {
        this.#rows -= bucket.rows.size;
        continue;
      }
      const last = kept.at(-1);
      const start = bucket.start - (bucket.start % COARSE_S);
      if (bucket.start + COARSE_S >= second - this.#fineS || bucket.length === COARSE_S) kept.push(bucket);
      else if (last?.length === COARSE_S && last.start === start) this.#merge(last, bucket);
      else kept.push({ ...bucket, start, length: COARSE_S });
    }
    this.#buckets = kept;
    this.#fit(second);
  }

  #fit(second: number): void {
    if (this.#rows <= MAX_ROWS) return;
    if (this.#fineS > MIN_FINE_S) {
      this.#fineS = Math.max(MIN_FINE_S, this.#fineS / 2);
      this.#age(second);
      return;
    }
    while (this.#rows > MAX_ROWS && this.#buckets.length > 1) {
      this.#rows -= this.#buckets.shift()?.rows.size ?? 0;
      this.#begin = this.#buckets[0]?.start ?? null;
    }
  }

  #merge(into: Bucket, bucket: Bucket): void {
    into.exact &&= bucket.exact;
    for (const [edge, totals] of bucket.rows) {
      const row = into.rows.get(edge);
      if (row === undefined) {
        into.rows.set(edge, totals);
      } else {
        addTotals(row, totals);
        this.#rows -= 1;
      }
    }
  }
}
