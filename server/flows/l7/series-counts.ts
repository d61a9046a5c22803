/** What is counted of one route between two ends. */
import type { L7ProtocolName, L7Series } from '../../wire/l7.ts';
import { MAX_LATENCY_BUCKET, latencyBucket } from '../../wire/latency.ts';
import { OTHER_ROUTE } from './routes.ts';

/** Codes of a series; more are counted under `other`. */
const MAX_CODES = 32;
/** The two ends of a connection as metrics tell them apart; fields as in L7Series. */
export type SeriesEnds = Pick<
  L7Series,
  | 'source_endpoint'
  | 'destination_endpoint'
  | 'source_identity'
  | 'destination_identity'
  | 'service_id'
  | 'port'
  | 'peer'
>;

/** The range of buckets that have counts grows by so many at a time. */
const BUCKET_STEP = 16;

/** A series as the agent accumulates it. */
export class Series {
  readonly protocol: L7ProtocolName;
  readonly route: string;
  requests = 0;
  responses = 0;
  errors = 0;
  isMarked = false;
  isGone = false;
  lastUsedMs = Infinity;
  readonly #id: number;
  readonly #ends: SeriesEnds;
  readonly #codes = new Map<string, number>();
  #latencySumNs = 0;
  /** Number of the first bucket in the two arrays. */
  #first = 0;
  #counts = new Float64Array(0);
  #sent = new Float64Array(0);

  constructor(id: number, ends: SeriesEnds, protocol: L7ProtocolName, route: string) {
    this.#id = id;
    this.#ends = ends;
    this.protocol = protocol;
    this.route = route;
  }

  countCode(code: string): void {
    const count = this.#codes.get(code);
    if (count !== undefined) this.#codes.set(code, count + 1);
    else if (this.#codes.size < MAX_CODES) this.#codes.set(code, 1);
    else this.#codes.set(OTHER_ROUTE, (this.#codes.get(OTHER_ROUTE) ?? 0) + 1);
  }

  countLatency(ns: number): void {
    this.#latencySumNs += ns > 0 ? ns : 0;
    const bucket = latencyBucket(ns);
    const at = bucket - this.#first;
    if (at < 0 || at >= this.#counts.length) this.#widen(bucket);
    const index = bucket - this.#first;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  #widen(bucket: number): void {
    const isEmpty = this.#counts.length === 0;
    const last = this.#first + this.#counts.length - 1;
    const low = isEmpty ? bucket : Math.min(bucket, this.#first);
    const high = isEmpty ? bucket : Math.max(bucket, last);
    const first = Math.max(0, low - (low % BUCKET_STEP));
    const length = Math.min(MAX_LATENCY_BUCKET + 1, high - (high % BUCKET_STEP) + BUCKET_STEP) - first;
    const counts = new Float64Array(length);
    const sent = new Float64Array(length);
    if (!isEmpty) {
      counts.set(this.#counts, this.#first - first);
      sent.set(this.#sent, this.#first - first);
    }
    this.#first = first;
    this.#counts = counts;
    this.#sent = sent;
  }

  report(all: boolean): L7Series {
    const latency: [number, number][] = [];
    for (const [index, count] of this.#counts.entries()) {
      if (count === 0 || (!all && count === this.#sent[index])) continue;
      latency.push([this.#first + index, count]);
    }
    this.#sent.set(this.#counts);
    return {
      id: this.#id,
      ...this.#ends,
      protocol: this.protocol,
      route: this.route,
      requests: this.requests,
      responses: this.responses,
      errors: this.errors,
      codes: [...this.#codes],
      latency_sum_ns: this.#latencySumNs,
      latency,
    };
  }
}
