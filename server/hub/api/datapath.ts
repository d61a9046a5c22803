/** `GET /api/v1/datapath`: the stage graph with what each stage did, drops, maps and events, of all nodes or one. */
import type { Request, Response } from 'express';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { readWindow } from './service-map.ts';

export function datapathRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    const parameters = new Parameters(request, ['since', 'until', 'node']);
    const { since, until } = readWindow(parameters);
    const node = parameters.text('node');
    if (node !== null && !state.nodes.has(node)) {
      throw new Problem(404, `There is no node "${node.slice(0, 64)}"; /api/v1/nodes lists those that are known.`);
    }
    response.set('Cache-Control', 'no-store').json(state.datapath(since, until, node));
  };
}
