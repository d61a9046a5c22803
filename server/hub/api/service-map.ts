/** `GET /api/v1/service-map`. */
import type { Request, Response } from 'express';
import type { MapGroup } from '../../wire/service-map.ts';
import { MAP_FILTER_NAMES, mapKnowsNoMessages } from '../edges/service-map.ts';
import { readerOf } from '../access/http-access.ts';
import { TooMuchError } from '../history/reader/stored-sums.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { orUnavailable, Problem } from '../http/problem.ts';
import { mapOver, type SumRequest } from '../past-window.ts';
import { HISTORY_S } from '../window-ring.ts';

export const MAP_GROUPS: readonly MapGroup[] = ['workload', 'service', 'pod', 'namespace'];
const DEFAULT_WINDOW_S = 60;
const MAX_WINDOW_S = 366 * 86_400;

/** The parameters of routes that answer with sums over a window; `own`: others of the route. Throws a Problem. */
export function readSumRequest(
  state: HubState,
  request: Request,
  own: readonly string[] = [],
): SumRequest & { parameters: Parameters } {
  const parameters = new Parameters(request, ['since', 'until', 'group', ...own], MAP_FILTER_NAMES);
  const group = parameters.oneOf('group', MAP_GROUPS, 'workload');
  const filter = parameters.filter();
  const { visibility } = readerOf(request);
  return { ...readWindow(parameters, state.stored !== null), group, filter, visibility, parameters };
}

/**
 * `since` and `until` in whole Unix seconds; the last minute if neither is given. `isKept`: sums are in history, too.
 * Throws a Problem.
 */
export function readWindow(parameters: Parameters, isKept = false): { since: number; until: number } {
  // The second that is still being counted belongs to the window.
  const now = Math.floor(Date.now() / 1000) + 1;
  const until = Math.min(now, seconds(parameters.time('until')) ?? now);
  const since = seconds(parameters.time('since')) ?? until - DEFAULT_WINDOW_S;
  if (since >= until) throw new Problem(400, '"since" must lie before "until".');
  if (!isKept && since < now - HISTORY_S - 1) {
    throw new Problem(
      400,
      `"since" lies more than ${HISTORY_S / 60} minutes back; the hub keeps these sums that long.`,
    );
  }
  if (until - since > MAX_WINDOW_S)
    throw new Problem(400, 'The window is longer than 366 days; ask for a shorter one.');
  return { since, until };
}

export function serviceMapRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = readSumRequest(state, request);
    const [asked] = wanted.filter.messageNames;
    if (asked !== undefined) throw new Problem(400, mapKnowsNoMessages(asked));
    await sendSums(response, (signal) => mapOver(state, wanted, signal));
  };
}

/** Answers with what `sum` gives, unless the client goes away first. */
export async function sendSums(response: Response, sum: (signal: AbortSignal) => Promise<object>): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    response.set('Cache-Control', 'no-store').json(await orUnavailable(sum(gone.signal)));
  } catch (error) {
    if (gone.signal.aborted) return;
    if (error instanceof TooMuchError) throw new Problem(400, error.message);
    throw error;
  }
}

function seconds(ns: bigint | null): number | null {
  return ns === null ? null : Number(ns / 1_000_000_000n);
}
