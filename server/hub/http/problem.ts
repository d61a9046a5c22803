/** Errors of the API as `application/problem+json` (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { isPassing, StoreError } from '../history/sql-engine.ts';

/** Thrown by routes; `detail` is one sentence: what failed, why, what to do. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** Turns failures of the store that keeps history into answers that say so. */
export async function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StoreError && isPassing(error))) throw error;
    throw new Problem(error.problem === 'timeout' ? 504 : 503, error.message);
  }
}

export function problemBody(problem: Problem): string {
  const title = STATUS_CODES[problem.status] ?? 'Error';
  return `${JSON.stringify({ type: 'about:blank', title, status: problem.status, detail: problem.message })}\n`;
}

export function sendProblem(response: Response, problem: Problem): void {
  if (response.headersSent) {
    // A stream that breaks midway must not look complete.
    response.destroy();
    return;
  }
  response
    .status(problem.status)
    .set(problem.headers)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .send(problemBody(problem));
}

/** Last middleware: what no route answered. */
export function notFound(request: Request, response: Response): void {
  sendProblem(
    response,
    new Problem(404, `There is nothing at ${request.path.slice(0, 200)}; the API is under /api/v1/.`),
  );
}

/** Express error handler. `onBug` hears of errors that are no Problem. */
export function problemHandler(onBug: (error: unknown) => void) {
  return (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    if (error instanceof Problem) {
      sendProblem(response, error);
      return;
    }
    const status = statusOf(error);
    if (status >= 500) onBug(error);
    const detail = status >= 500 ? 'The hub failed to answer; its log says why.' : 'The request is malformed.';
    sendProblem(response, new Problem(status, detail));
  };
}

/** Errors of Express itself, a bad percent-encoding for example, carry a status. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Handler for the other methods of a route that is only read. */
export const methodNotAllowed = methodNotAllowedBut('GET, HEAD');

/** Handler for other methods than these of a route. */
export function methodNotAllowedBut(allowed: string) {
  return (request: Request): never => {
    const words = allowed.replace('GET, HEAD', 'GET').replaceAll(', ', ' or ');
    throw new Problem(405, `${request.method} is not allowed here; use ${words}.`, { Allow: allowed });
  };
}
