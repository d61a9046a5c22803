/** One edge slot of one kernel, as filters see it, and what its counters said last. */
import type { EdgeCounters } from '../../wire/agent.ts';
import { DROP_REASON, RECORD_TYPE, VERDICT } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { FlowFacts } from '../../flows/facts.ts';
import { TrackedEnds } from './tracked-ends.ts';

/** RTT buckets of an edge: bucket i counts values in [2^i, 2^(i+1)) µs. */
export const RTT_BUCKETS = 24;

export interface EdgeTotals {
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  connections: number;
  answered: number;
  /** RTT_BUCKETS counts, or empty for none. */
  rtt: number[];
}

export const COUNTS = ['packets', 'bytes', 'reply_packets', 'reply_bytes', 'connections', 'answered'] as const;

export function zeroTotals(): EdgeTotals {
  return { packets: 0, bytes: 0, reply_packets: 0, reply_bytes: 0, connections: 0, answered: 0, rtt: [] };
}

export function addTotals(to: EdgeTotals, added: EdgeTotals): void {
  for (const count of COUNTS) to[count] += added[count];
  if (added.rtt.length > 0 && to.rtt.length === 0) to.rtt = Array.from({ length: RTT_BUCKETS }, () => 0);
  for (let i = 0; i < added.rtt.length; i++) to.rtt[i] = (to.rtt[i] ?? 0) + (added.rtt[i] ?? 0);
}

export class TrackedEdge extends TrackedEnds implements FlowFacts {
  readonly type: number;
  readonly verdict: number;
  readonly dropReason: number;
  /** Which rules allowed is not counted, so of an edge only what no rule allowed is known. */
  readonly isPolicyVerdict: boolean;
  readonly observationPoint = 0;
  readonly direction = 0;
  readonly isReply = false;
  readonly l7 = null;
  readonly l7Protocol = null;
  readonly protocol: number;
  /** Where the kernel counts it. */
  readonly slot: number;
  last: EdgeTotals = zeroTotals();

  constructor(names: Names, counters: EdgeCounters) {
    super(names, counters);
    this.type = counters.verdict === VERDICT.DROPPED ? RECORD_TYPE.DROP : RECORD_TYPE.NEW;
    this.verdict = counters.verdict;
    this.dropReason = counters.drop_reason;
    this.isPolicyVerdict = counters.verdict === VERDICT.AUDIT || counters.drop_reason === DROP_REASON.POLICY_DENIED;
    this.protocol = counters.protocol;
    this.slot = counters.slot;
  }

  /** Its counters as the agent said them last. */
  counters(slot: number): EdgeCounters {
    const { rtt, ...counts } = this.last;
    const { protocol, verdict, dropReason: drop_reason } = this;
    return { slot, ...this.namedEnds(), protocol, verdict, drop_reason, ...counts, rtt_histogram: rtt };
  }

  /** Whether the slot of `counters` still is this edge. */
  is(names: Names, counters: EdgeCounters): boolean {
    return (
      this.hasEnds(names, counters) &&
      counters.protocol === this.protocol &&
      counters.verdict === this.verdict &&
      counters.drop_reason === this.dropReason
    );
  }
}
