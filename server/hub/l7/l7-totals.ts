/** What is summed of messages: counts, codes and the latency histogram. */
import type { L7Losses } from '../../wire/l7-table.ts';
import type { Summing } from '../window-ring.ts';

export interface L7Totals {
  requests: number;
  responses: number;
  errors: number;
  /** Responses by code. */
  codes: Map<string, number>;
  latencySumNs: number;
  /** Bucket (latency.ts) -> responses. */
  latency: Map<number, number>;
}

export function zeroL7(): L7Totals {
  return { requests: 0, responses: 0, errors: 0, codes: new Map(), latencySumNs: 0, latency: new Map() };
}

export function addL7(to: L7Totals, by: L7Totals): void {
  to.requests += by.requests;
  to.responses += by.responses;
  to.errors += by.errors;
  to.latencySumNs += by.latencySumNs;
  for (const [code, count] of by.codes) to.codes.set(code, (to.codes.get(code) ?? 0) + count);
  for (const [bucket, count] of by.latency) to.latency.set(bucket, (to.latency.get(bucket) ?? 0) + count);
}

export const L7_SUMS: Summing<L7Totals> = {
  zero: zeroL7,
  add: addL7,
  // An object of six fields and two maps is worth about eight entries of a map.
  weight: ({ codes, latency }) => 8 + codes.size + latency.size,
};

const LOSSES = ['ring', 'gaps', 'malformed', 'unsent', 'evicted'] as const satisfies readonly (keyof L7Losses)[];

export function zeroLosses(): L7Losses {
  return { ring: 0, gaps: 0, malformed: 0, unsent: 0, evicted: 0 };
}

export const LOSS_SUMS: Summing<L7Losses> = {
  zero: zeroLosses,
  add: (to, by) => {
    for (const cause of LOSSES) to[cause] += by[cause];
  },
  weight: () => 1,
};

/** What was lost since; what went backwards is taken as nothing. */
export function newLosses(now: L7Losses, before: L7Losses): L7Losses {
  const by = zeroLosses();
  for (const cause of LOSSES) by[cause] = Math.max(0, now[cause] - before[cause]);
  return by;
}

/** Whether the counts of series lack something: what sent no events is in them all the same. */
export function isLowerBound({ ring, gaps, malformed, evicted }: L7Losses): boolean {
  return ring + gaps + malformed + evicted > 0;
}
