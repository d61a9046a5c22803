/** `GET /healthz` and `/readyz` for probes. */
import type { Request, Response } from 'express';
import type { HubState } from '../hub-state.ts';
import { Problem } from '../http/problem.ts';

export function healthRoute(_request: Request, response: Response): void {
  response.type('text/plain').send('ok\n');
}

/** Ready before the first agent, so that agents can find the hub; not when all agents are gone. */
export function readyRoute(state: HubState) {
  return (_request: Request, response: Response): void => {
    if (state.grpc !== null && state.grpc.address === null) {
      throw new Problem(503, 'The Hubble API does not listen; the hub starts or stops.');
    }
    const nodes = [...state.nodes.values()];
    if (nodes.length > 0 && !nodes.some((node) => node.connected)) {
      throw new Problem(503, 'No agent is connected; see /api/v1/nodes for when each was lost.');
    }
    response.type('text/plain').send('ok\n');
  };
}
