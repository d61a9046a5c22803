/** What the page wants to see -> what has to be asked of the hub. */
import type { FlowFilter, Subscribe } from '../../../server/wire/live.ts';
import type { Past } from './past.ts';
import type { MapGroup } from '../../../server/wire/service-map.ts';

/** Rows a second of the live tail; above it every nth flow is shown. */
const TAIL_RATE = 20;
/** Rows that are there at once. */
const FIRST_ROWS = 300;

export interface Wanted {
  group: MapGroup;
  /** Seconds that the page looks back. */
  range: number;
  filter: FlowFilter;
  /** The part of the filter that the map understands. */
  mapFilter: FlowFilter;
  /** The range that is asked for once; null while the page is live. */
  past: Past | null;
}

/** Width of a bar of the time strip, seconds: 60 to 180 bars. */
export function bucketOf(range: number): number {
  if (range <= 60) return 1;
  return range <= 300 ? 2 : 5;
}

/** Only what changed since `before`; all of it if that is null. */
export function subscriptionOf(wanted: Wanted, before: Wanted | null): Omit<Subscribe, 'type'> {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const sameRange = before?.range === wanted.range;
  const sameMap = sameRange && before.group === wanted.group && same(before.mapFilter, wanted.mapFilter);
  return {
    ...(!sameMap && { map: { group: wanted.group, window_s: wanted.range, filter: wanted.mapFilter } }),
    ...(!(before !== null && same(before.filter, wanted.filter)) && {
      flows: { filter: wanted.filter, max_rate: TAIL_RATE, last: FIRST_ROWS },
    }),
    ...(!sameRange && { timeline: { window_s: wanted.range, bucket_s: bucketOf(wanted.range) } }),
  };
}
