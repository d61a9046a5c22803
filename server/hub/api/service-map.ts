/** `GET /api/v1/service-map`. */
import type { Request, Response } from 'express';
import type { MapGroup } from '../../wire/service-map.ts';
import { MAP_FILTER_NAMES, mapKnowsNoMessages } from '../edges/service-map.ts';
import type { FlowFilter } from '../../flows/filter.ts';
import { readerOf } from '../access/http-access.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { HISTORY_S } from '../window-ring.ts';

export const MAP_GROUPS: readonly MapGroup[] = ['workload', 'service', 'pod', 'namespace'];
const DEFAULT_WINDOW_S = 60;

interface SumRequest {
  since: number;
  until: number;
  group: MapGroup;
  filter: FlowFilter;
}

/** The parameters of routes that answer with sums over a window, times in Unix seconds; `own`: others. Throws a Problem. */
export function readSumRequest(request: Request, own: readonly string[] = []): SumRequest & { parameters: Parameters } {
  const parameters = new Parameters(request, ['since', 'until', 'group', ...own], MAP_FILTER_NAMES);
  const group = parameters.oneOf('group', MAP_GROUPS, 'workload');
  return { ...readWindow(parameters), group, filter: parameters.filter(), parameters };
}

/** `since` and `until` in whole Unix seconds; the last minute if neither is given. Throws a Problem. */
export function readWindow(parameters: Parameters): { since: number; until: number } {
  // The second that is still being counted belongs to the window.
  const now = Math.floor(Date.now() / 1000) + 1;
  const until = Math.min(now, seconds(parameters.time('until')) ?? now);
  const since = seconds(parameters.time('since')) ?? until - DEFAULT_WINDOW_S;
  if (since >= until) throw new Problem(400, '"since" must lie before "until".');
  if (since < now - HISTORY_S - 1) {
    throw new Problem(400, `"since" lies more than ${HISTORY_S / 60} minutes back; the hub keeps sums that long.`);
  }
  return { since, until };
}

export function serviceMapRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    const { since, until, group, filter } = readSumRequest(request);
    const [asked] = filter.messageNames;
    if (asked !== undefined) throw new Problem(400, mapKnowsNoMessages(asked));
    response
      .set('Cache-Control', 'no-store')
      .json(state.map(since, until, group, filter, readerOf(request).visibility));
  };
}

function seconds(ns: bigint | null): number | null {
  return ns === null ? null : Number(ns / 1_000_000_000n);
}
