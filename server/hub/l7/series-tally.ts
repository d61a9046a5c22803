/** Counts exchanges for our own metrics, from the agents' series: all of them, by workloads, without routes. */
import type { L7Losses } from '../../wire/l7-table.ts';
import { bucketLatency } from '../../wire/latency.ts';
import { nameOfEnd } from '../edges/ends.ts';
import { Durations, GO_BUCKETS, histogramSeries, type Labels, LabelMap } from '../metrics/label-counts.ts';
import type { SeriesBudget } from '../metrics/series-budget.ts';
import { LOSS_SUMS } from './l7-totals.ts';
import type { L7Increments } from './series-tracker.ts';
import type { TrackedSeries } from './tracked-series.ts';

/** Services answer faster than Go's first bucket. */
const BUCKETS = [0.0005, 0.001, 0.0025, ...GO_BUCKETS];

/** Requests, responses, errors. */
const COUNTERS = 3;

interface PairCounts {
  requests: number;
  responses: number;
  errors: number;
  durations: Durations;
}

export class SeriesTally {
  readonly pairs: LabelMap<PairCounts>;
  /** By node. */
  readonly losses = new Map<string, L7Losses>();

  constructor(budget: SeriesBudget) {
    this.pairs = new LabelMap(budget, COUNTERS + histogramSeries(BUCKETS), () => ({
      requests: 0,
      responses: 0,
      errors: 0,
      durations: new Durations(BUCKETS),
    }));
  }

  add(node: string, { series, losses }: L7Increments): void {
    for (const [of, by] of series) {
      const counts = this.pairs.at(labelsOf(of));
      counts.requests += by.requests;
      counts.responses += by.responses;
      counts.errors += by.errors;
      for (const [bucket, count] of by.latency) counts.durations.add(bucketLatency(bucket) / 1e9, count);
      counts.durations.sum += by.latencySumNs / 1e9;
    }
    const known = this.losses.get(node);
    if (known === undefined) this.losses.set(node, losses);
    else LOSS_SUMS.add(known, losses);
  }
}

function labelsOf(series: TrackedSeries): Labels {
  return {
    source: nameOfEnd(series, 'source'),
    destination: nameOfEnd(series, 'destination'),
    protocol: series.l7Protocol,
    // Two nodes see what goes from one to the other; those who sum take one of them.
    reporter: series.isArrivalOnly ? 'server' : 'client',
  };
}
