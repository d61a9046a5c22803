/**
 * Keeps a metric that is read from the hub's state within the budget of series. What had no room when it came stays in
 * `other` for good, and what it counted stays there after it has gone, so no counter goes backwards.
 */
import { type Labels, OTHER } from './label-counts.ts';
import type { SeriesBudget } from './series-budget.ts';

export type Sample = readonly [labels: Labels, value: number];

export class BoundedSamples {
  readonly #budget: SeriesBudget;
  readonly #kind: 'counter' | 'gauge';
  readonly #labels: readonly string[];
  #kept = new Set<string>();
  /** Values of those without room, by key. */
  #folded = new Map<string, number>();
  /** What was counted by folded ones that have gone. */
  #retired = 0;

  constructor(budget: SeriesBudget, kind: 'counter' | 'gauge', labels: readonly string[]) {
    this.#budget = budget;
    this.#kind = kind;
    this.#labels = labels;
    budget.reserve(1);
  }

  *read(samples: Iterable<Sample>): Iterable<Sample> {
    if (this.#labels.length === 0) {
      yield* samples;
      return;
    }
    const kept = new Set<string>();
    const folded = new Map<string, number>();
    const waiting: [string, Sample][] = [];
    for (const sample of samples) {
      const key = this.#labels.map((name) => sample[0][name]).join('\u0000');
      if (this.#kept.has(key)) {
        kept.add(key);
        yield sample;
      } else if (this.#folded.has(key)) folded.set(key, sample[1]);
      else waiting.push([key, sample]);
    }
    // Those that have gone make room for those that have come.
    this.#budget.give(this.#kept.size - kept.size);
    if (this.#kind === 'counter') {
      for (const [key, value] of this.#folded) if (!folded.has(key)) this.#retired += value;
    }
    for (const [key, sample] of waiting) {
      if (this.#budget.take(1, 'hub')) {
        kept.add(key);
        yield sample;
      } else {
        this.#budget.folded += 1;
        folded.set(key, sample[1]);
      }
    }
    this.#kept = kept;
    this.#folded = folded;
    let others = this.#retired;
    for (const value of folded.values()) others += value;
    if (folded.size > 0 || this.#retired > 0) {
      yield [Object.fromEntries(this.#labels.map((name) => [name, OTHER])), others];
    }
  }
}
