/** `GET /api/v1/l7`: rate, errors and latency of each route between two nodes of the service map. */
import type { Request, Response } from 'express';
import { L7_ROWS_PER } from '../../wire/l7-table.ts';
import type { HubState } from '../hub-state.ts';
import { routesOver } from '../past-window.ts';
import { readSumRequest, sendSums } from './service-map.ts';

export function l7Route(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = readSumRequest(state, request, ['per']);
    const per = wanted.parameters.oneOf('per', L7_ROWS_PER, 'pair-route');
    await sendSums(response, (signal) => routesOver(state, wanted, per, signal));
  };
}
