/** `GET /api/v1/openapi.json`: the contract of this API. */
import type { Request, Response } from 'express';
import type { HubState } from '../hub-state.ts';
import { openApiDocument } from '../openapi/document.ts';
import { Parameters } from '../http/parameters.ts';

export function openApiRoute(state: HubState) {
  const text = JSON.stringify(openApiDocument(state.version));
  return (request: Request, response: Response): void => {
    void new Parameters(request, []);
    response.set('Cache-Control', 'no-store').type('application/json').send(text);
  };
}
