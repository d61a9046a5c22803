/** `GET /api/v1/service-map`. */
import type { Request, Response } from 'express';
import type { MapGroup } from '../../wire/service-map.ts';
import { EDGE_HISTORY_S } from '../edges/edge-ring.ts';
import { MAP_FILTER_NAMES } from '../edges/service-map.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';

export const MAP_GROUPS: readonly MapGroup[] = ['workload', 'service', 'pod', 'namespace'];
const DEFAULT_WINDOW_S = 60;

export function serviceMapRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    const parameters = new Parameters(request, ['since', 'until', 'group'], MAP_FILTER_NAMES);
    const group = parameters.oneOf('group', MAP_GROUPS, 'workload');
    // The second that is still being counted belongs to the window.
    const now = Math.floor(Date.now() / 1000) + 1;
    const until = Math.min(now, seconds(parameters.time('until')) ?? now);
    const since = seconds(parameters.time('since')) ?? until - DEFAULT_WINDOW_S;
    if (since >= until) throw new Problem(400, '"since" must lie before "until".');
    if (since < now - EDGE_HISTORY_S - 1) {
      throw new Problem(
        400,
        `"since" lies more than ${EDGE_HISTORY_S / 60} minutes back; the hub keeps edges that long.`,
      );
    }
    response.set('Cache-Control', 'no-store').json(state.map(since, until, group, parameters.filter()));
  };
}

function seconds(ns: bigint | null): number | null {
  return ns === null ? null : Number(ns / 1_000_000_000n);
}
