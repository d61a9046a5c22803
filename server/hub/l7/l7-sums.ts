/** Series of all nodes -> sums by the nodes of the map. Pure: the same window and names give the same sums. */
import type { MapGroup } from '../../wire/service-map.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import type { L7ProtocolName } from '../../wire/l7.ts';
import type { L7Losses } from '../../wire/l7-table.ts';
import { busiestWorld, type Counted, nodeOfEnd, withoutSecondSight } from '../edges/ends.ts';
import type { NodeIdentity } from '../edges/map-node.ts';
import { addL7, isLowerBound, type L7Totals, zeroL7 } from './l7-totals.ts';
import type { Window } from '../window-ring.ts';

/** A series as it is summed. */
export type CountedSeries = Counted & { readonly l7Protocol: L7ProtocolName; readonly route: string };

export interface SeriesWindow extends Window<CountedSeries, L7Totals> {
  /** By node; only those that lost something. */
  losses: ReadonlyMap<string, L7Losses>;
}

export interface L7Sum {
  source: NodeIdentity;
  target: NodeIdentity;
  /** Any of those summed: they agree in what the sum was asked by. */
  series: CountedSeries;
  totals: L7Totals;
  /** False if the totals are lower bounds: an agent that saw this lost some. */
  exact: boolean;
}

/**
 * One sum for each pair of nodes, or each target if `anySource`, and `key` of the series. `world` are the addresses with a node of their own, those
 * with most requests if left out.
 */
export function sumSeries(
  window: SeriesWindow,
  group: MapGroup,
  filter: FlowFilter,
  key: (series: CountedSeries) => string,
  { world, anySource = false }: { world?: ReadonlySet<string>; anySource?: boolean } = {},
): L7Sum[] {
  const lossy = new Set<string>();
  for (const [node, losses] of window.losses) if (isLowerBound(losses)) lossy.add(node);
  const rows = withoutSecondSight([...window.rows].filter(([series]) => filter.predicate(series.names)(series)));
  const named = world ?? busiestWorld(rows, (totals) => totals.requests + totals.responses);
  const sums = new Map<string, L7Sum>();
  for (const [series, totals] of rows) {
    const source = nodeOfEnd(series, 'source', group, named);
    const target = nodeOfEnd(series, 'destination', group, named);
    const id = `${anySource ? '' : source.id}>${target.id} ${key(series)}`;
    let sum = sums.get(id);
    if (sum === undefined) {
      sum = { source, target, series, totals: zeroL7(), exact: true };
      sums.set(id, sum);
    }
    addL7(sum.totals, totals);
    sum.exact &&= !lossy.has(series.names.node);
  }
  return [...sums.values()];
}

/** Errors among the responses, null without any. */
export function errorShare({ errors, responses }: L7Totals): number | null {
  return responses === 0 ? null : Math.min(1, errors / responses);
}
