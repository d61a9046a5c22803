/** `/api/v1/exports`: continuous exports of flows, and `/api/v1/exports/:id`. */
import type { Request, Response } from 'express';
import type { HubState } from '../hub-state.ts';
import type { Exports } from '../exports/exports.ts';
import { readJson } from '../http/json-body.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';

export function listExportsRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    void new Parameters(request, []);
    response.set('Cache-Control', 'no-store').json({ exports: state.exports?.list ?? [] });
  };
}

export function createExportRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    void new Parameters(request, []);
    const created = exportsOf(state).create(await readJson(request));
    response.status(201).location(`/api/v1/exports/${created.id}`).json(created);
  };
}

export function exportRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    void new Parameters(request, []);
    response.set('Cache-Control', 'no-store').json(exportsOf(state).get(idOf(request)));
  };
}

export function deleteExportRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    void new Parameters(request, []);
    await exportsOf(state).remove(idOf(request));
    response.status(204).end();
  };
}

function exportsOf(state: HubState): Exports {
  if (state.exports !== null) return state.exports;
  throw new Problem(409, 'This hub exports nothing; start it with --export-dir.');
}

function idOf(request: Request): string {
  return String(request.params['id']);
}
