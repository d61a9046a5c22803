/** Sums of routes -> the table of `/api/v1/l7`. */
import { latencyQuantile } from '../../wire/latency.ts';
import { type L7Row, type L7RowsPer, type L7Table, type Latency, MAX_L7_ROWS } from '../../wire/l7-table.ts';
import type { MapGroup } from '../../wire/service-map.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import { formatTime } from '../../flows/timestamp.ts';
import { type L7Totals, LOSS_SUMS } from './l7-totals.ts';
import { errorShare, type L7Sum, type SeriesWindow, sumSeries } from './l7-sums.ts';

const MAX_CODES = 20;

export function l7Table(
  window: SeriesWindow,
  group: MapGroup,
  filter: FlowFilter,
  per: L7RowsPer = 'pair-route',
): L7Table {
  const anySource = per !== 'pair-route';
  const anyRoute = per === 'target';
  const sums = sumSeries(
    window,
    group,
    filter,
    ({ serviceId, names, targetPort, l7Protocol, route }) =>
      [
        ...(anySource ? [] : [serviceKey(names.services.get(serviceId))]),
        targetPort,
        l7Protocol,
        ...(anyRoute ? [] : [route]),
      ].join(' '),
    { anySource },
  );
  const rows = sums.map((sum) => ({
    ...rowOf(sum, window.covered),
    // Some ask the target itself, others by a service.
    ...(anySource && { source: '', service: null }),
    ...(anyRoute && { route: '' }),
  }));
  rows.sort((a, b) => b.requests - a.requests || b.responses - a.responses || (a.route < b.route ? -1 : 1));
  const losses = LOSS_SUMS.zero();
  for (const of of window.losses.values()) LOSS_SUMS.add(losses, of);
  return {
    window: {
      since: formatTime(BigInt(window.since) * 1_000_000_000n),
      until: formatTime(BigInt(window.until) * 1_000_000_000n),
      exact: window.exact,
    },
    group,
    per,
    losses,
    rows: rows.slice(0, MAX_L7_ROWS),
    rows_left_out: Math.max(0, rows.length - MAX_L7_ROWS),
  };
}

function serviceKey(service: { namespace: string; name: string } | undefined): string {
  return service === undefined ? '' : `${service.namespace}/${service.name}`;
}

function rowOf({ source, target, series, totals, exact }: L7Sum, seconds: number): L7Row {
  const service = series.names.services.get(series.serviceId);
  const codes = [...totals.codes].toSorted(([, a], [, b]) => b - a).slice(0, MAX_CODES);
  return {
    source: source.id,
    target: target.id,
    port: series.targetPort,
    service: service === undefined ? null : { namespace: service.namespace, name: service.name },
    protocol: series.l7Protocol,
    route: series.route,
    requests: totals.requests,
    responses: totals.responses,
    errors: totals.errors,
    rate: totals.requests / seconds,
    error_share: errorShare(totals),
    codes: Object.fromEntries(codes),
    latency_ns: latencyOf(totals),
    exact,
  };
}

function latencyOf({ latency, latencySumNs }: L7Totals): Latency | null {
  let count = 0;
  for (const of of latency.values()) count += of;
  if (count === 0) return null;
  const at = (q: number): number => Math.round(latencyQuantile(latency, q) ?? 0);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), mean: Math.round(latencySumNs / count) };
}
