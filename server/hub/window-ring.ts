/**
 * Increments of anything that is counted over the last 15 minutes: one bucket a second for the last two minutes, then
 * one every ten seconds; where so much is active that this would not fit, the fine part is shorter. Answers "how much of
 * what was there between these two times".
 */

/** How far back windows reach, seconds. */
export const HISTORY_S = 900;
const FINE_S = 120;
const COARSE_S = 10;
const MIN_FINE_S = 15;

/** What sums of one kind are made of. */
export interface Summing<Totals> {
  zero(): Totals;
  add(to: Totals, by: Totals): void;
  /** What keeping it costs, in a unit of the caller's. */
  weight(totals: Totals): number;
}

interface Bucket<Key, Totals> {
  /** Unix seconds, and length in seconds. */
  start: number;
  length: number;
  rows: Map<Key, Totals>;
  exact: boolean;
}

export interface Window<Key, Totals> {
  /** Unix seconds. */
  since: number;
  until: number;
  /** Seconds of the window for which there are data, at least 1. */
  covered: number;
  exact: boolean;
  rows: Map<Key, Totals>;
}

export class WindowRing<Key, Totals> {
  readonly #sums: Summing<Totals>;
  readonly #maxWeight: number;
  /** Oldest first. */
  #buckets: Bucket<Key, Totals>[] = [];
  #weight = 0;
  #fineS = FINE_S;
  /** Unix seconds from which on increments are complete; null before the first. */
  #begin: number | null = null;

  /** `maxWeight` bounds the weight of all rows over all buckets. */
  constructor(sums: Summing<Totals>, maxWeight: number) {
    this.#sums = sums;
    this.#maxWeight = maxWeight;
  }

  /**
   * Adds what was counted up to `second` (Unix seconds); never before the newest bucket. The increments are the ring's
   * from here on.
   */
  add(second: number, increments: Iterable<readonly [Key, Totals]>, exact: boolean): void {
    this.#begin ??= second - 1;
    const bucket = this.#current(second);
    if (!exact) bucket.exact = false;
    for (const [key, by] of increments) this.#addRow(bucket, key, by);
    this.#age(second);
  }

  /** Unix seconds from which on windows are whole; null before the first increment. `now`: Unix seconds. */
  wholeFrom(now: number): number | null {
    if (this.#begin === null) return null;
    return Math.max(this.#begin, Math.ceil((now - HISTORY_S) / COARSE_S) * COARSE_S);
  }

  /** Sums over whole buckets within [since, until) (whole Unix seconds); `now` is the time in Unix seconds. */
  window(since: number, until: number, now: number): Window<Key, Totals> {
    const rows = new Map<Key, Totals>();
    let exact = this.#begin !== null && since >= this.#begin;
    for (const bucket of this.#buckets) {
      if (bucket.start + bucket.length <= since || bucket.start >= until) continue;
      exact &&= bucket.exact;
      for (const [key, totals] of bucket.rows) {
        let row = rows.get(key);
        if (row === undefined) {
          row = this.#sums.zero();
          rows.set(key, row);
        }
        this.#sums.add(row, totals);
      }
    }
    // The second that is still being counted covers only its part that has passed.
    const covered = Math.max(1, Math.min(until, now) - Math.max(since, this.#begin ?? until));
    return { since, until, covered, exact, rows };
  }

  #current(second: number): Bucket<Key, Totals> {
    const last = this.#buckets.at(-1);
    if (last !== undefined && last.start >= second) return last;
    const bucket = { start: second, length: 1, rows: new Map<Key, Totals>(), exact: true };
    this.#buckets.push(bucket);
    return bucket;
  }

  #addRow(bucket: Bucket<Key, Totals>, key: Key, by: Totals): void {
    const row = bucket.rows.get(key);
    if (row === undefined) {
      bucket.rows.set(key, by);
      this.#weight += this.#sums.weight(by);
      return;
    }
    this.#weight -= this.#sums.weight(row);
    this.#sums.add(row, by);
    this.#weight += this.#sums.weight(row);
  }

  #weightOf({ rows }: Bucket<Key, Totals>): number {
    let weight = 0;
    for (const totals of rows.values()) weight += this.#sums.weight(totals);
    return weight;
  }

  #age(second: number): void {
    const kept: Bucket<Key, Totals>[] = [];
    for (const bucket of this.#buckets) {
      if (bucket.start + bucket.length <= second - HISTORY_S) {
        this.#weight -= this.#weightOf(bucket);
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
    if (this.#weight <= this.#maxWeight) return;
    if (this.#fineS > MIN_FINE_S) {
      this.#fineS = Math.max(MIN_FINE_S, this.#fineS / 2);
      this.#age(second);
      return;
    }
    while (this.#weight > this.#maxWeight && this.#buckets.length > 1) {
      const oldest = this.#buckets.shift();
      if (oldest !== undefined) this.#weight -= this.#weightOf(oldest);
      this.#begin = this.#buckets[0]?.start ?? null;
    }
  }

  #merge(into: Bucket<Key, Totals>, bucket: Bucket<Key, Totals>): void {
    into.exact &&= bucket.exact;
    this.#weight -= this.#weightOf(bucket);
    for (const [key, totals] of bucket.rows) this.#addRow(into, key, totals);
  }
}
