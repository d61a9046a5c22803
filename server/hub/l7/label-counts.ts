/** Counters and histograms by labels, bounded: values that peers choose must not make metrics without end. */

/** Upper bounds of the Go client's default histogram buckets, seconds; what Hubble's durations are counted in. */
export const GO_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Labels = Readonly<Record<string, string>>;

/** Label values in place of those there is no room for. */
const OTHER = 'other';

/** One value of any kind for each set of labels. */
export class LabelMap<T> {
  readonly #max: number;
  readonly #make: () => T;
  readonly #values = new Map<string, { labels: Labels; value: T }>();

  /** Beyond `max` sets of labels all share one, whose values are `other`. */
  constructor(max: number, make: () => T) {
    this.#max = max;
    this.#make = make;
  }

  at(labels: Labels): T {
    const key = Object.values(labels).join('\u0000');
    const known = this.#values.get(key);
    if (known !== undefined) return known.value;
    if (this.#values.size < this.#max) return this.#add(key, labels);
    const others = Object.fromEntries(Object.keys(labels).map((name) => [name, OTHER]));
    return this.#values.get(OTHER)?.value ?? this.#add(OTHER, others);
  }

  *[Symbol.iterator](): Iterator<readonly [Labels, T]> {
    for (const { labels, value } of this.#values.values()) yield [labels, value];
  }

  #add(key: string, labels: Labels): T {
    const value = this.#make();
    this.#values.set(key, { labels, value });
    return value;
  }
}

export interface Count {
  n: number;
}

export class LabelCounts extends LabelMap<Count> {
  constructor(max: number) {
    super(max, () => ({ n: 0 }));
  }

  add(labels: Labels, by = 1): void {
    this.at(labels).n += by;
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
