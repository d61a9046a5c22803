/** The hub's WebSockets: who may open one, and that it still answers. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { Problem, problemBody } from './problem.ts';
import { type Hosts, refusal, SECURITY_HEADERS } from './security.ts';

const PING_MS = 15_000;
/** Sockets that have not closed by then are broken off. */
const CLOSE_MS = 500;

/** Lets in who asks for a WebSocket, and says what to do with it. Rejects with a Problem. */
type Admit = (request: IncomingMessage) => Promise<(socket: WebSocket) => void>;

/** The WebSockets of one path; those that answer no ping are broken off. */
export class SocketRoute {
  readonly #server: WebSocketServer;
  readonly admit: Admit;
  readonly #alive = new WeakSet<WebSocket>();
  readonly #timer: NodeJS.Timeout;

  constructor(maxPayload: number, admit: Admit) {
    this.#server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });
    this.admit = admit;
    this.#timer = setInterval(() => this.#ping(), PING_MS);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, accept: (socket: WebSocket) => void): void {
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      this.#alive.add(ws);
      const isAlive = (): void => void this.#alive.add(ws);
      ws.on('pong', isAlive);
      ws.on('message', isAlive);
      accept(ws);
    });
  }

  close(): void {
    clearInterval(this.#timer);
    for (const ws of this.#server.clients) ws.close(1001, 'the hub stops');
    setTimeout(() => {
      for (const ws of this.#server.clients) ws.terminate();
    }, CLOSE_MS).unref();
  }

  #ping(): void {
    for (const ws of this.#server.clients) {
      if (!this.#alive.delete(ws)) ws.terminate();
      else if (ws.readyState === ws.OPEN) ws.ping();
    }
  }
}

/** Hands an upgrade to the route of its path, or answers why not. `onBug` hears of errors that are nobody's request. */
export async function upgrade(
  routes: Readonly<Record<string, SocketRoute>>,
  { hosts, onBug }: { hosts: Hosts; onBug: (error: unknown) => void },
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  // Until a WebSocket takes it over, a broken connection would be an unhandled error.
  socket.on('error', () => socket.destroy());
  try {
    const problem = refusal(request, hosts);
    if (problem !== null) throw problem;
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) throw new Problem(404, 'There is no WebSocket at this path.');
    const accept = await route.admit(request);
    if (!socket.destroyed) route.upgrade(request, socket, head, accept);
  } catch (error) {
    if (!(error instanceof Problem)) onBug(error);
    refuse(socket, error instanceof Problem ? error : new Problem(500, 'The hub failed to answer; its log says why.'));
  }
}

function refuse(socket: Duplex, problem: Problem): void {
  const headers = {
    ...SECURITY_HEADERS,
    ...problem.headers,
    'Content-Type': 'application/problem+json',
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const status = `${problem.status} ${STATUS_CODES[problem.status] ?? ''}`;
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${problemBody(problem)}`);
}
