/** Access over HTTP: who sent a request, logging in and out, and which paths need to see everything. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type { WhoAmI } from '../../wire/access.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import type { Access, Admission, AuthMode } from './access.ts';
import type { Reader } from './accounts.ts';
import { credentialOf } from './credentials.ts';
import { sessionCookie, sessionId } from './sessions.ts';

/** Paths that answer with what the reader may see. Any other shows everything or nothing. */
const PARTIAL: ReadonlySet<string> = new Set([
  '/api/v1/flows',
  '/api/v1/service-map',
  '/api/v1/l7',
  '/api/v1/policies',
  '/api/v1/status',
  '/api/v1/nodes',
  '/api/v1/namespaces',
  '/api/v1/whoami',
  '/api/v1/openapi.json',
  '/api/v1/live',
]);
const POLICY = /^\/api\/v1\/policies\/[^/]+\/[^/]+$/;
const MAX_LOGIN = '20kb';

const readers = new WeakMap<IncomingMessage, Reader>();

/** Who sent a request that has passed `guard`. */
export function readerOf(request: IncomingMessage): Reader {
  const reader = readers.get(request);
  if (reader === undefined) throw new Error(`${request.url ?? ''} was not guarded`);
  return reader;
}

/** Rejects with a Problem unless the request's sender may read `path`. */
export async function admitRequest(access: Access, request: IncomingMessage, path: string): Promise<Admission> {
  const { authorization, cookie } = request.headers;
  const admission = await access.admit(credentialOf(authorization, cookie), addressOf(request));
  const { reader } = admission;
  if (!reader.visibility.isAll && !PARTIAL.has(path) && !POLICY.test(path)) {
    throw new Problem(403, `${path.slice(0, 200)} shows all namespaces; ${reader.name} may see only some.`);
  }
  return admission;
}

/** Lets pass who may read; ends the answer if that changes while it is written. */
export function guard(access: Access): RequestHandler {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const admission = await admitRequest(access, request, request.baseUrl + request.path.replace(/\/$/, ''));
    access.refuseStreams(admission);
    readers.set(request, admission.reader);
    // A stream that is broken off must not look complete.
    const forget = access.watch(admission, () => response.destroy());
    response.on('close', forget);
    next();
  };
}

export function loginRoutes(access: Access): RequestHandler {
  const routes = express.Router();
  const json = express.json({ limit: MAX_LOGIN });
  routes.post('/api/v1/login', json, async (request: Request, response: Response) => {
    void new Parameters(request, []);
    const token = tokenOf(request.body as unknown);
    if (access.mode === 'none') throw new Problem(400, 'This hub asks for no token; there is nothing to log in to.');
    const { reader } = await access.admit({ token }, addressOf(request));
    const cookie = sessionCookie(access.sessions.begin(token), isSecure(request));
    response.set('Set-Cookie', cookie).set('Cache-Control', 'no-store').json(whoAmI(access.mode, reader));
  });
  routes.post('/api/v1/logout', (request: Request, response: Response) => {
    void new Parameters(request, []);
    const id = sessionId(request.headers.cookie);
    if (id !== null) access.sessions.end(id);
    response
      .set('Set-Cookie', sessionCookie(null, isSecure(request)))
      .status(204)
      .end();
  });
  routes.all(['/api/v1/login', '/api/v1/logout'], (request: Request) => {
    throw new Problem(405, `${request.method} is not allowed here; use POST.`, { Allow: 'POST' });
  });
  return routes;
}

export function whoAmIRoute(access: Access) {
  return (request: Request, response: Response): void => {
    void new Parameters(request, []);
    response.set('Cache-Control', 'no-store').json(whoAmI(access.mode, readerOf(request)));
  };
}

export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}

function whoAmI(auth: AuthMode, { name, visibility }: Reader): WhoAmI {
  const { namespaces } = visibility;
  return { auth, name, namespaces: namespaces === null ? null : [...namespaces].toSorted() };
}

function tokenOf(body: unknown): string {
  const token: unknown = typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined;
  if (typeof token === 'string' && token !== '') return token;
  throw new Problem(400, 'The body is not {"token": "…"} with Content-Type application/json.');
}

/** Also behind an ingress that ends TLS: the page's origin says how the browser sees it. */
function isSecure(request: Request): boolean {
  return request.socket instanceof TLSSocket || request.headers.origin?.startsWith('https://') === true;
}
