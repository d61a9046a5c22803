/** Checks of what browsers send on the live stream. */
import { z } from 'zod';
import { L7_ROWS_PER, type L7RowsPer } from '../../wire/l7-table.ts';
import type { FlowFilter as WireFilter } from '../../wire/live.ts';
import { FilterError } from '../../flows/filter-test.ts';
import { type FlowFilter, parseFilter } from '../../flows/filter.ts';
import { MAP_FILTER_NAMES, mapKnowsNoMessages } from '../edges/service-map.ts';
import type { MapGroup } from '../../wire/service-map.ts';

const filter = z.record(z.string().max(64), z.array(z.string().max(300)).max(200)).optional();

const subscribe = z.strictObject({
  type: z.literal('subscribe'),
  map: z
    .strictObject({
      group: z.enum(['workload', 'service', 'pod', 'namespace']),
      window_s: z.number().int().min(5).max(900),
      filter,
    })
    .nullish(),
  flows: z
    .strictObject({
      filter,
      max_rate: z.number().int().min(1).max(2000),
      last: z.number().int().min(0).max(1000),
      tag: z.number().int().min(0).default(0),
    })
    .nullish(),
  l7: z
    .strictObject({
      group: z.enum(['workload', 'service', 'pod', 'namespace']),
      window_s: z.number().int().min(5).max(900),
      per: z.enum(L7_ROWS_PER).default('pair-route'),
      filter,
    })
    .nullish(),
  datapath: z
    .strictObject({ window_s: z.number().int().min(5).max(900), node: z.string().max(253).optional() })
    .nullish(),
  timeline: z
    .strictObject({ window_s: z.number().int().min(5).max(900), bucket_s: z.number().int().min(1).max(60) })
    .nullish(),
});

/** Of the map, and of the table of routes. */
export interface MapSubscription {
  group: MapGroup;
  windowS: number;
  filter: FlowFilter;
  /** Of the table of routes only. */
  per: L7RowsPer;
}
export interface FlowsSubscription {
  filter: FlowFilter;
  maxRate: number;
  last: number;
  tag: number;
}
export interface DatapathSubscription {
  windowS: number;
  /** Null for all. */
  node: string | null;
}
export interface TimelineSubscription {
  windowS: number;
  bucketS: number;
}

/** Undefined leaves a subscription as it is, null ends it. */
export interface Subscriptions {
  map: MapSubscription | null | undefined;
  l7: MapSubscription | null | undefined;
  datapath: DatapathSubscription | null | undefined;
  flows: FlowsSubscription | null | undefined;
  timeline: TimelineSubscription | null | undefined;
}

/** Throws an Error whose message is a sentence for the client. */
export function readSubscribe(text: string): Subscriptions {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FilterError('The message is not JSON.');
  }
  const result = subscribe.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new FilterError(
      `The message is malformed at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}.`,
    );
  }
  const { map, l7, datapath, flows, timeline } = result.data;
  return {
    map: map && {
      group: map.group,
      windowS: map.window_s,
      filter: withoutMessages(mapFilter(map.filter)),
      per: 'pair-route',
    },
    l7: l7 && { group: l7.group, windowS: l7.window_s, filter: mapFilter(l7.filter), per: l7.per },
    datapath: datapath && { windowS: datapath.window_s, node: datapath.node ?? null },
    flows: flows && { filter: read(flows.filter), maxRate: flows.max_rate, last: flows.last, tag: flows.tag },
    timeline: timeline && { windowS: timeline.window_s, bucketS: timeline.bucket_s },
  } satisfies Subscriptions;
}

function read(wanted: WireFilter | undefined): FlowFilter {
  const pairs = Object.entries(wanted ?? {}).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  return parseFilter(pairs);
}

function withoutMessages(parsed: FlowFilter): FlowFilter {
  const [asked] = parsed.messageNames;
  if (asked !== undefined) throw new FilterError(mapKnowsNoMessages(asked));
  return parsed;
}

function mapFilter(wanted: WireFilter | undefined): FlowFilter {
  const parsed = read(wanted);
  const wrong = parsed.names.find((name) => !MAP_FILTER_NAMES.includes(name.replace(/^not\./, '')));
  if (wrong !== undefined) {
    throw new FilterError(
      `The filter "${wrong}" is not possible for the map; allowed are ${MAP_FILTER_NAMES.join(', ')}.`,
    );
  }
  return parsed;
}
