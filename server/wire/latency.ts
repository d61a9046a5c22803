/**
 * Latency histograms with a bounded relative error, mergeable by adding up (DDSketch, Masson et al., VLDB 2019): value v
 * lies in bucket ceil(log(v) / log(LATENCY_GAMMA)), whatever node measured it.
 */
import { LATENCY_GAMMA } from './l7.ts';

const PER_LOG = 1 / Math.log(LATENCY_GAMMA);
/** 1 h; what is longer is in the last bucket. */
const MAX_NS = 3600e9;
/** The highest bucket number there is. */
export const MAX_LATENCY_BUCKET = Math.ceil(Math.log(MAX_NS) * PER_LOG);

/** Bucket of a latency in ns, from 0 (1 ns and less) to MAX_LATENCY_BUCKET. */
export function latencyBucket(ns: number): number {
  if (!(ns > 1)) return 0;
  return Math.ceil(Math.log(ns < MAX_NS ? ns : MAX_NS) * PER_LOG);
}

/** The value that stands for a bucket, ns: all values in it are within 2 %. */
export function bucketLatency(bucket: number): number {
  return (2 * LATENCY_GAMMA ** bucket) / (LATENCY_GAMMA + 1);
}

/**
 * The q-quantile (0 to 1) of a histogram of bucket -> count, ns; null if it is empty. As DDSketch has it: the value
 * of rank floor(q * (n - 1)), counted from 0.
 */
export function latencyQuantile(buckets: ReadonlyMap<number, number>, q: number): number | null {
  let total = 0;
  for (const count of buckets.values()) total += count;
  if (total === 0) return null;
  const rank = Math.floor(q * (total - 1));
  let seen = 0;
  let last = 0;
  for (const bucket of [...buckets.keys()].toSorted((a, b) => a - b)) {
    seen += buckets.get(bucket) ?? 0;
    last = bucket;
    if (seen > rank) break;
  }
  return bucketLatency(last);
}
