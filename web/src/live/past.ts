/** A range that is over: asked for once, of the hub's HTTP API, which answers from memory and history alike. */
import { createContext, useContext } from 'react';
import type { GetFlowsResponse } from '../../../server/wire/hubble.ts';
import type { FlowFilter, FlowRow, TimelineMessage } from '../../../server/wire/live.ts';
import type { ServiceMap } from '../../../server/wire/service-map.ts';
import type { TimelineTotals } from '../../../server/wire/timeline.ts';
import { clock, day } from '../words/times.ts';
import type { FlowTail } from './flow-tail.ts';
import type { Wanted } from './wanted.ts';

/** Unix ms. */
export interface Past {
  since: number;
  until: number;
}

/** The range that the page shows, null while it is live. */
export const PastContext = createContext<Past | null>(null);

export function usePast(): Past | null {
  return useContext(PastContext);
}

/** Rows of the table; more are said to be there. */
export const MAX_PAST_ROWS = 1000;
const BUCKETS = 150;

/** `last 5 min`, `14:20:00 to 15:20:00`, with the day where it is not today's. */
export function windowWords(windowS: number, past: Past | null): string {
  if (past === null) return `last ${windowS / 60} min`;
  const isToday = new Date(past.since).toDateString() === new Date().toDateString();
  return `${isToday ? '' : `${day(past.since)}, `}${clock(past.since)} to ${clock(past.until)}`;
}

/** `since` and `until` as the API takes them. */
export function timeQuery({ since, until }: Past): [string, string][] {
  return [
    ['since', new Date(since).toISOString()],
    ['until', new Date(until).toISOString()],
  ];
}

/** The address of what `path` says of the range, or of now. */
export function rangePath(path: string, past: Past | null, more: [string, string][] = []): string {
  const query = new URLSearchParams([...(past === null ? [] : timeQuery(past)), ...more]).toString();
  return `/api/v1/${path}${query === '' ? '' : `?${query}`}`;
}

export function filterQuery(filter: FlowFilter): [string, string][] {
  return Object.entries(filter).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
}

export interface PastAnswer {
  map: ServiceMap;
  timeline: TimelineMessage;
  tail: FlowTail;
}

/** Throws an Error whose message is a sentence of the hub, or of the browser. */
export async function loadPast(wanted: Wanted, past: Past, signal: AbortSignal): Promise<PastAnswer> {
  const time = timeQuery(past);
  const [map, timeline, flows] = await Promise.all([
    get<ServiceMap>('service-map', [...time, ['group', wanted.group], ...filterQuery(wanted.mapFilter)], signal),
    get<TimelineTotals>('timeline', [...time, ['buckets', String(BUCKETS)]], signal),
    get<GetFlowsResponse[]>(
      'flows',
      [['format', 'json'], ['last', String(MAX_PAST_ROWS)], ...time, ...filterQuery(wanted.filter)],
      signal,
    ),
  ]);
  const rows = flows.flatMap(({ flow }, id): FlowRow[] => (flow === undefined ? [] : [{ id, flow }]));
  return {
    map,
    timeline: {
      type: 'timeline',
      since_ms: Date.parse(timeline.window.since),
      bucket_ms: timeline.bucket_s * 1000,
      buckets: timeline.buckets,
      marks: [],
    },
    tail: { rows: rows.toReversed(), sampled: 1, matched: rows.length, isKnown: true },
  };
}

async function get<T>(path: string, query: [string, string][], signal: AbortSignal): Promise<T> {
  const response = await fetch(rangePath(path, null, query), { signal });
  const body: unknown = await response.json();
  if (!response.ok) throw new Error((body as { detail?: string }).detail ?? `The hub answered ${response.status}.`);
  return body as T;
}
