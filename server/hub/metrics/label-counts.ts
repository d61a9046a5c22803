/** Counters and histograms by labels, within a budget of series. */
import type { SeriesBudget } from './series-budget.ts';

/** Upper bounds of the Go client's default histogram buckets, seconds; what Hubble's durations are counted in. */
export const GO_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Labels = Readonly<Record<string, string>>;

/** Label values in place of those there is no room for. */
export const OTHER = 'other';

interface Entry<T> {
  labels: Labels;
  value: T;
  /** `namespace/name` of pods that the labels name; it goes some time after them. */
  pods: readonly string[];
}

const NO_PODS: readonly string[] = [];

/** One value of any kind for each set of labels. */
export class LabelMap<T> {
  readonly #budget: SeriesBudget;
  readonly #series: number;
  readonly #make: () => T;
  readonly #values = new Map<string | number, Entry<T>>();
  #other: Entry<T> | null = null;

  /** Each value stands for so many `series`. */
  constructor(budget: SeriesBudget, series: number, make: () => T) {
    this.#budget = budget;
    this.#series = series;
    this.#make = make;
    budget.reserve(series);
  }

  at(labels: Labels, pods = NO_PODS): T {
    const key = Object.values(labels).join('\u0000');
    return this.get(key) ?? this.add(key, labels, pods);
  }

  /** By a key of the caller's, which stands for the labels. */
  get(key: string | number): T | undefined {
    return this.#values.get(key)?.value;
  }

  /** The value for a key that is not known yet. */
  add(key: string | number, labels: Labels, pods = NO_PODS): T {
    if (!this.#budget.take(this.#series, 'traffic')) return this.other(Object.keys(labels));
    const value = this.#make();
    this.#values.set(key, { labels, value, pods });
    return value;
  }

  /** The value for all there is no room for; `names` are those of the labels. */
  other(names: readonly string[]): T {
    this.#budget.folded += 1;
    this.#other ??= {
      labels: Object.fromEntries(names.map((name) => [name, OTHER])),
      value: this.#make(),
      pods: NO_PODS,
    };
    return this.#other.value;
  }

  /** Forgets what names a pod that is gone. */
  forget(isGone: (pod: string) => boolean): void {
    for (const [key, { pods }] of this.#values) {
      if (pods.length === 0 || !pods.some(isGone)) continue;
      this.#values.delete(key);
      this.#budget.give(this.#series);
    }
  }

  *[Symbol.iterator](): Iterator<readonly [Labels, T]> {
    for (const { labels, value } of this.#values.values()) yield [labels, value];
    if (this.#other !== null) yield [this.#other.labels, this.#other.value];
  }
}

export interface Count {
  n: number;
}

export class LabelCounts extends LabelMap<Count> {
  constructor(budget: SeriesBudget) {
    super(budget, 1, () => ({ n: 0 }));
  }
}

/** Counts by upper bound, not yet summed up as Prometheus wants them; the last is of what lies above all bounds. */
export class Durations {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  /** `bounds` in seconds, rising. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** `count` values of about `seconds` each; their sum is added apart. */
  add(seconds: number, count: number): void {
    const at = this.bounds.findIndex((bound) => seconds <= bound);
    const index = at < 0 ? this.bounds.length : at;
    this.counts[index] = (this.counts[index] ?? 0) + count;
  }
}

/** Series of one histogram with these bounds: its buckets, the last of which is +Inf, its sum and its count. */
export function histogramSeries(bounds: readonly number[]): number {
  return bounds.length + 3;
}
