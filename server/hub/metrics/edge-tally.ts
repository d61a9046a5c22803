/** Counts packets, bytes, connections and handshake times for our own metrics, from kernel counters, by workloads. */
import { VERDICT_NAME } from '../../wire/lists.gen.ts';
import { protocolName } from '../../flows/facts.ts';
import type { EdgeIncrement } from '../edges/counter-tracker.ts';
import { nameOfEnd } from '../edges/ends.ts';
import { type EdgeTotals, RTT_BUCKETS } from '../edges/tracked-edge.ts';
import { Durations, histogramSeries, LabelMap } from './label-counts.ts';
import type { SeriesBudget } from './series-budget.ts';

/** Of packets and bytes both ways, and connections. */
const COUNTED = [
  'packets',
  'bytes',
  'reply_packets',
  'reply_bytes',
  'connections',
] as const satisfies (keyof EdgeTotals)[];
export type CountedOfEdge = (typeof COUNTED)[number];

/** Seconds; a bucket of the kernel begins at a power of two µs and ends below the next. */
const RTT_BOUNDS = Array.from({ length: RTT_BUCKETS - 1 }, (_, i) => 2 ** (i + 1) / 1e6);

export class EdgeTally {
  readonly counts: LabelMap<Record<CountedOfEdge, number>>;
  readonly rtts: LabelMap<Durations>;

  constructor(budget: SeriesBudget) {
    this.counts = new LabelMap(budget, COUNTED.length, () => ({
      packets: 0,
      bytes: 0,
      reply_packets: 0,
      reply_bytes: 0,
      connections: 0,
    }));
    this.rtts = new LabelMap(budget, histogramSeries(RTT_BOUNDS), () => new Durations(RTT_BOUNDS));
  }

  add(increments: readonly EdgeIncrement[]): void {
    for (const { edge, by } of increments) {
      const source = nameOfEnd(edge, 'source');
      const destination = nameOfEnd(edge, 'destination');
      // Two nodes see what goes from one to the other; those who sum take one of them.
      const reporter = edge.isArrivalOnly ? 'server' : 'client';
      const verdict = VERDICT_NAME[edge.verdict] ?? String(edge.verdict);
      const protocol = protocolName(edge.protocol);
      const counts = this.counts.at({ source, destination, protocol, verdict, reporter });
      for (const count of COUNTED) counts[count] += by[count];
      if (by.rtt.length === 0) continue;
      const rtts = this.rtts.at({ source, destination, reporter });
      for (const [bucket, count] of by.rtt.entries()) {
        rtts.counts[bucket] = (rtts.counts[bucket] ?? 0) + count;
        // The kernel counts, and keeps no sum: the middle of the bucket stands for its values.
        rtts.sum += (count * 1.5 * 2 ** bucket) / 1e6;
      }
    }
  }
}
