/** One series of one agent session, as filters see it, and what its counters said last. */
import type { L7ProtocolName, L7Series } from '../../wire/l7.ts';
import { RECORD_TYPE, VERDICT } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import { type FlowFacts, PROTOCOL } from '../../flows/facts.ts';
import type { CountedEnds } from '../edges/ends.ts';
import { TrackedEnds } from '../edges/tracked-ends.ts';
import { type L7Totals, zeroL7 } from './l7-totals.ts';

export class TrackedSeries extends TrackedEnds implements FlowFacts, CountedEnds {
  readonly type = RECORD_TYPE.L7;
  readonly verdict = VERDICT.FORWARDED;
  readonly dropReason = 0;
  readonly isPolicyVerdict = false;
  readonly observationPoint = 0;
  readonly direction = 0;
  readonly isReply = false;
  readonly l7 = null;
  readonly l7Protocol: L7ProtocolName;
  readonly route: string;
  /** DNS is mostly UDP, and is taken as such; everything else is TCP. */
  readonly protocol: number;
  /** Stable within the agent's session. */
  readonly id: number;
  /** What its counters said last, not to be changed. */
  readonly last: L7Totals = zeroL7();

  constructor(names: Names, series: L7Series) {
    super(names, series);
    this.id = series.id;
    this.l7Protocol = series.protocol;
    this.route = series.route;
    this.protocol = series.protocol === 'dns' ? PROTOCOL.UDP : PROTOCOL.TCP;
  }

  /** Its counters as the agent said them last, with all buckets. */
  current(): L7Series {
    const { requests, responses, errors, latencySumNs, codes, latency } = this.last;
    return {
      id: this.id,
      ...this.namedEnds(),
      protocol: this.l7Protocol,
      route: this.route,
      requests,
      responses,
      errors,
      codes: [...codes],
      latency_sum_ns: latencySumNs,
      latency: [...latency],
    };
  }

  /** Takes over the cumulative counters, and returns what came since, and whether all of them went forward. */
  advance(series: L7Series): { by: L7Totals; isForward: boolean } {
    const { last } = this;
    const by = zeroL7();
    by.requests = series.requests - last.requests;
    by.responses = series.responses - last.responses;
    by.errors = series.errors - last.errors;
    by.latencySumNs = Math.max(0, series.latency_sum_ns - last.latencySumNs);
    Object.assign(last, {
      requests: series.requests,
      responses: series.responses,
      errors: series.errors,
      latencySumNs: series.latency_sum_ns,
    });
    let isForward = by.requests >= 0 && by.responses >= 0 && by.errors >= 0;
    isForward = advanceMap(last.codes, series.codes, by.codes) && isForward;
    isForward = advanceMap(last.latency, series.latency, by.latency) && isForward;
    return { by, isForward };
  }
}

/** Writes the differences to `by`; false if one is negative. */
function advanceMap<K>(last: Map<K, number>, now: readonly (readonly [K, number])[], by: Map<K, number>): boolean {
  let isForward = true;
  for (const [key, count] of now) {
    const more = count - (last.get(key) ?? 0);
    last.set(key, count);
    if (more > 0) by.set(key, more);
    else if (more < 0) isForward = false;
  }
  return isForward;
}
