import { expect, test } from 'vitest';
import { bucketLatency, latencyBucket, latencyQuantile, MAX_LATENCY_BUCKET } from './latency.ts';

function histogram(values: readonly number[]): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const value of values) buckets.set(latencyBucket(value), (buckets.get(latencyBucket(value)) ?? 0) + 1);
  return buckets;
}

test('the value of a bucket is within 2 % of all values in it', () => {
  for (let ns = 2; ns < 3600e9; ns *= 1.0137) {
    const ratio = bucketLatency(latencyBucket(ns)) / ns;
    expect(ratio).toBeGreaterThan(0.98 - 1e-9);
    expect(ratio).toBeLessThan(1.02 + 1e-9);
  }
});

test('quantiles are within 2 % of the exact ones, also of merged histograms', () => {
  // A long tail, the same in every run.
  const values = Array.from({ length: 10_000 }, (_, i) =>
    Math.round(20_000 * Math.exp(7 * ((i * 7919) % 10_000) * 1e-4)),
  );
  const merged = histogram(values.slice(0, 3000));
  for (const [bucket, count] of histogram(values.slice(3000))) merged.set(bucket, (merged.get(bucket) ?? 0) + count);
  const sorted = values.toSorted((a, b) => a - b);
  for (const q of [0, 0.5, 0.95, 0.99, 1]) {
    const exact = sorted[Math.floor(q * (sorted.length - 1))] as number;
    expect(Math.abs((latencyQuantile(merged, q) as number) / exact - 1)).toBeLessThan(0.0201);
  }
});

test('an empty histogram has no quantile', () => {
  expect(latencyQuantile(new Map(), 0.5)).toBeNull();
});

test.each([
  [-1, 0],
  [0, 0],
  [1, 0],
  [Number.NaN, 0],
  [1e18, MAX_LATENCY_BUCKET],
  [Number.POSITIVE_INFINITY, MAX_LATENCY_BUCKET],
])('%d ns is in bucket %d', (ns, bucket) => {
  expect(latencyBucket(ns)).toBe(bucket);
});
