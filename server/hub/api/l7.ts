/** `GET /api/v1/l7`: rate, errors and latency of each route between two nodes of the service map. */
import type { Request, Response } from 'express';
import { readerOf } from '../access/http-access.ts';
import { L7_ROWS_PER } from '../../wire/l7-table.ts';
import type { HubState } from '../hub-state.ts';
import { readSumRequest } from './service-map.ts';

export function l7Route(state: HubState) {
  return (request: Request, response: Response): void => {
    const { since, until, group, filter, parameters } = readSumRequest(request, ['per']);
    const per = parameters.oneOf('per', L7_ROWS_PER, 'pair-route');
    response
      .set('Cache-Control', 'no-store')
      .json(state.routes(since, until, group, filter, per, readerOf(request).visibility));
  };
}
