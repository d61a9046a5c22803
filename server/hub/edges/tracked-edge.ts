/** One edge slot of one kernel, as filters see it, and what its counters said last. */
import type { EdgeCounters } from '../../wire/agent.ts';
import { DROP_REASON, RECORD_TYPE, VERDICT } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End, FlowFacts } from '../../flows/facts.ts';

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

export class TrackedEdge implements FlowFacts {
  readonly names: Names;
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
  readonly serviceId: number;
  /** Port of the destination, 0 for ICMP. */
  readonly targetPort: number;
  /** Address of the end that is no endpoint; '' if there is none, or it is not told apart. */
  readonly peer: string;
  readonly #sourceEndpoint: number;
  readonly #destinationEndpoint: number;
  readonly #sourceIdentity: number;
  readonly #destinationIdentity: number;
  last: EdgeTotals = zeroTotals();

  constructor(names: Names, counters: EdgeCounters) {
    this.names = names;
    this.type = counters.verdict === VERDICT.DROPPED ? RECORD_TYPE.DROP : RECORD_TYPE.NEW;
    this.verdict = counters.verdict;
    this.dropReason = counters.drop_reason;
    this.isPolicyVerdict = counters.verdict === VERDICT.AUDIT || counters.drop_reason === DROP_REASON.POLICY_DENIED;
    this.protocol = counters.protocol;
    this.serviceId = counters.service_id;
    this.targetPort = counters.port;
    this.peer = counters.peer;
    this.#sourceEndpoint = counters.source_endpoint;
    this.#destinationEndpoint = counters.destination_endpoint;
    this.#sourceIdentity = counters.source_identity;
    this.#destinationIdentity = counters.destination_identity;
  }

  /** Whether the slot of `counters` still is this edge. */
  is(names: Names, counters: EdgeCounters): boolean {
    return (
      names === this.names &&
      counters.source_endpoint === this.#sourceEndpoint &&
      counters.destination_endpoint === this.#destinationEndpoint &&
      counters.source_identity === this.#sourceIdentity &&
      counters.destination_identity === this.#destinationIdentity &&
      counters.service_id === this.serviceId &&
      counters.port === this.targetPort &&
      counters.protocol === this.protocol &&
      counters.verdict === this.verdict &&
      counters.drop_reason === this.dropReason &&
      counters.peer === this.peer
    );
  }

  /** Whether this kernel only sees the edge arrive: the sender is a pod of another node. */
  get isArrivalOnly(): boolean {
    return this.names.endpoints.get(this.#sourceEndpoint)?.kind === 'remote';
  }

  endpoint(end: End): number {
    return end === 'source' ? this.#sourceEndpoint : this.#destinationEndpoint;
  }
  identity(end: End): number {
    return end === 'source' ? this.#sourceIdentity : this.#destinationIdentity;
  }
  port(end: End): number {
    return end === 'source' ? 0 : this.targetPort;
  }
  address(end: End): string {
    return this.endpoint(end) === 0 ? this.peer : '';
  }
  /** Edges are kept by endpoint, not by address: filters by address are not offered for them. */
  isIn(): boolean {
    return false;
  }
}
