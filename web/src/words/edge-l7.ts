/** Figures of an edge's messages in words. */
import type { EdgeL7 } from '../../../server/wire/service-map.ts';
import { PROTOCOL_WORD } from './message.ts';
import { duration, percent, rate } from './numbers.ts';

/** Share of errors from which on an edge is told to fail, and from which on it does so badly. */
export const FAILING = 0.01;
export const FAILING_BADLY = 0.05;

export function isFailing(l7: EdgeL7 | null): boolean {
  return (l7?.error_share ?? 0) >= FAILING;
}

/** `http 71/s, 2.1 % errors, p95 44 ms`. */
export function edgeL7Words(l7: EdgeL7): string {
  const parts = [`${PROTOCOL_WORD[l7.protocol]} ${l7.exact ? '' : 'at least '}${rate(l7.rate)}`];
  if (l7.error_share !== null) parts.push(`${percent(l7.error_share)} errors`);
  if (l7.p95_ns !== null) parts.push(`p95 ${duration(l7.p95_ns)}`);
  return parts.join(', ');
}
