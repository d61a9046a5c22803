/** Counts flow records by small numbers of their own and by the number of their ends; words are made when they are read. */
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { MetricConfig } from './config.ts';
import { ContextLabels, NO_ROOM } from './context-labels.ts';
import { type Count, LabelCounts, LabelMap, type Labels } from './label-counts.ts';
import type { SeriesBudget } from './series-budget.ts';

/** One metric that counts, under the labels of its context options. */
export class FlowCounter<T = Count> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly values: LabelMap<T>;
  readonly #contexts: ContextLabels;
  readonly #own: readonly string[];

  constructor(
    about: { name: string; help: string; labels: readonly string[] },
    contexts: ContextLabels,
    values: LabelMap<T>,
  ) {
    this.name = about.name;
    this.help = about.help;
    this.#own = about.labels;
    this.labelNames = [...about.labels, ...contexts.names];
    this.#contexts = contexts;
    this.values = values;
  }

  /** The value of a set of ends (ContextLabels.number) and of labels that `key` stands for; `own` gives their values. */
  at(ends: number, key: number | string, own: () => readonly string[]): T {
    if (ends === NO_ROOM) return this.values.other(this.labelNames);
    const full = typeof key === 'number' ? ends * KEYS + key : `${ends} ${key}`;
    const known = this.values.get(full);
    if (known !== undefined) return known;
    const { labels, pods } = this.#contexts.set(ends);
    return this.values.add(full, { ...this.#named(own()), ...labels }, pods);
  }

  #named(values: readonly string[]): Labels {
    return Object.fromEntries(this.#own.map((name, i) => [name, values[i] ?? '']));
  }
}

/** Numeric keys of a counter are below. */
const KEYS = 2 ** 24;

/** What all metrics of one configured name share. */
export abstract class FlowMetric {
  readonly contexts: ContextLabels;
  readonly counters: FlowCounter[] = [];
  readonly #budget: SeriesBudget;

  constructor(config: MetricConfig, budget: SeriesBudget) {
    this.contexts = new ContextLabels(config, budget.limit);
    this.#budget = budget;
  }

  abstract add(record: RecordCursor, names: Names): void;

  /** Forgets what names a pod that is gone. */
  forget(isGone: (pod: string) => boolean): void {
    for (const { values } of this.counters) values.forget(isGone);
    this.contexts.forget(isGone);
  }

  protected counter(name: string, help: string, labels: readonly string[]): FlowCounter {
    const counter = new FlowCounter({ name, help, labels }, this.contexts, new LabelCounts(this.#budget));
    this.counters.push(counter);
    return counter;
  }
}
