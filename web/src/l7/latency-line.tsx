/** p50, p95 and p99 as three dots on one line, on a logarithmic axis. */
import type { ReactNode } from 'react';
import type { Latency } from '../../../server/wire/l7-table.ts';
import { duration } from '../words/numbers.ts';
import { onAxis } from './harm.ts';

export function LatencyLine({ latency }: { latency: Latency }): ReactNode {
  // In percent, so that the axis is as wide as its column while dots stay round.
  const x = (ns: number): string => `${(onAxis(ns) * 100).toFixed(1)}%`;
  const words = `p50 ${duration(latency.p50)}, p95 ${duration(latency.p95)}, p99 ${duration(latency.p99)}`;
  return (
    <svg className="latency-line" role="img" aria-label={words}>
      <line className="base" x1="0" x2="100%" y1="6" y2="6" />
      <line className="span" x1={x(latency.p50)} x2={x(latency.p99)} y1="6" y2="6" />
      <circle className="p50" cx={x(latency.p50)} cy="6" r="2.5" />
      <circle className="p95" cx={x(latency.p95)} cy="6" r="3" />
      <circle className="p99" cx={x(latency.p99)} cy="6" r="2.5" />
    </svg>
  );
}
