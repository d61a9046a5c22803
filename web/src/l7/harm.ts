/** Which service hurts most: many failing or slow answers come first. */
import type { L7Row } from '../../../server/wire/l7-table.ts';

/** Answers slower than this are slow, ns: where the map begins to tell a card's p95. */
export const SLOW_NS = 250e6;

/** `shop/Deployment/web:8080/http`: a target, its port and what is spoken there, as the address names it. */
export function spokenId({ target, port, protocol }: Pick<L7Row, 'target' | 'port' | 'protocol'>): string {
  return `${target}:${port}/${protocol}`;
}

/** Requests a second that fail, or that wait longer than they should: by how much, at most one each. */
export function harm({ rate, error_share: errors, latency_ns: latency }: L7Row): number {
  const excess = latency === null ? 0 : Math.min(1, Math.max(0, latency.p95 / SLOW_NS - 1));
  return rate * Math.max(errors ?? 0, excess);
}

/** What fails or is slow first, then the busiest. */
export function byHarm(rows: readonly L7Row[]): L7Row[] {
  return rows.toSorted((a, b) => harm(b) - harm(a) || b.rate - a.rate || (spokenId(a) < spokenId(b) ? -1 : 1));
}

/** One row of several that share a key: counts add up; latencies do not, so they are left out. */
export function sumRows(rows: readonly L7Row[], key: (row: L7Row) => string): L7Row[] {
  const sums = new Map<string, L7Row>();
  for (const row of rows) {
    const known = sums.get(key(row));
    sums.set(key(row), known === undefined ? { ...row, codes: {}, latency_ns: null } : sum(known, row));
  }
  return [...sums.values()];
}

function sum(a: L7Row, b: L7Row): L7Row {
  const responses = a.responses + b.responses;
  const errors = a.errors + b.errors;
  return {
    ...a,
    requests: a.requests + b.requests,
    responses,
    errors,
    rate: a.rate + b.rate,
    error_share: responses === 0 ? null : errors / responses,
    exact: a.exact && b.exact,
  };
}

/** From 10 µs to 10 s: a share of the width of a logarithmic axis, 0 to 1. */
export function onAxis(ns: number): number {
  const [low, high] = [Math.log10(AXIS_NS[0]), Math.log10(AXIS_NS[1])];
  return Math.min(1, Math.max(0, (Math.log10(Math.max(1, ns)) - low) / (high - low)));
}
export const AXIS_NS = [10e3, 10e9] as const;
