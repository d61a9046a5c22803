/** What the service map shows of messages: one figure of each kind for all routes of an edge. */
import { latencyQuantile } from '../../wire/latency.ts';
import type { EdgeL7, MapGroup } from '../../wire/service-map.ts';
import type { L7ProtocolName } from '../../wire/l7.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import { addL7, type L7Totals, zeroL7 } from './l7-totals.ts';
import { errorShare, type SeriesWindow, sumSeries } from './l7-sums.ts';

export interface EdgeMessages {
  /**
   * Of the edge between two nodes, given by their ids; `protocol` is the IANA number. Series do not tell DNS over TCP
   * apart: it is among the figures of the UDP edge.
   */
  of(source: string, target: string, port: number, protocol: number): EdgeL7 | null;
}

export const NO_MESSAGES: EdgeMessages = { of: () => null };

interface Sum {
  totals: L7Totals;
  requests: Map<L7ProtocolName, number>;
  exact: boolean;
}

/** `world` are the addresses that have a node of their own on the map. */
export function edgeMessages(
  window: SeriesWindow,
  group: MapGroup,
  filter: FlowFilter,
  world: ReadonlySet<string>,
): EdgeMessages {
  const key = (source: string, target: string, port: number, protocol: number): string =>
    `${source}>${target}:${protocol}/${port}`;
  const sums = new Map<string, Sum>();
  const byProtocol = sumSeries(window, group, filter, (it) => `${it.targetPort} ${it.l7Protocol}`, { world });
  for (const { source, target, series, totals, exact } of byProtocol) {
    const id = key(source.id, target.id, series.targetPort, series.protocol);
    const sum = sums.get(id) ?? { totals: zeroL7(), requests: new Map(), exact: true };
    sums.set(id, sum);
    addL7(sum.totals, totals);
    sum.requests.set(series.l7Protocol, totals.requests);
    sum.exact &&= exact;
  }
  return {
    of: (source, target, port, protocol) => {
      const sum = sums.get(key(source, target, port, protocol));
      return sum === undefined ? null : edgeOf(sum, window.covered);
    },
  };
}

function edgeOf({ totals, requests, exact }: Sum, seconds: number): EdgeL7 | null {
  const [busiest] = [...requests].toSorted(([, a], [, b]) => b - a);
  if (busiest === undefined) return null;
  const at = (q: number): number | null => {
    const ns = latencyQuantile(totals.latency, q);
    return ns === null ? null : Math.round(ns);
  };
  return {
    protocol: busiest[0],
    rate: totals.requests / seconds,
    requests: totals.requests,
    responses: totals.responses,
    errors: totals.errors,
    error_share: errorShare(totals),
    p50_ns: at(0.5),
    p95_ns: at(0.95),
    exact,
  };
}
