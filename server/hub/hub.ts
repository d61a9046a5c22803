/** Puts the hub together: HTTP server, agents' and browsers' WebSockets, clock. Owns all of them. */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { Failure, hasCode, sentence } from '../base/failure.ts';
import { isLoopback } from '../base/loopback.ts';
import { MAX_AGENT_MESSAGE } from '../wire/agent.ts';
import { MAX_LIVE_MESSAGE } from '../wire/live.ts';
import { hubApp } from './http/app.ts';
import { Problem, problemBody } from './http/problem.ts';
import { refusal, SECURITY_HEADERS } from './http/security.ts';
import { builtUi } from './http/static-ui.ts';
import { HubState } from './hub-state.ts';
import { AgentSockets } from './ingest/agent-socket.ts';
import { Ingest } from './ingest/ingest.ts';
import { LiveSockets } from './live/live-sockets.ts';

const PING_MS = 15_000;
const MAX_CONNECTIONS = 20_000;
/** Connections that have not finished by then are broken off. */
const CLOSE_MS = 500;

export interface HubOptions {
  /** Name or address of this machine, and port; 0 takes a free one. */
  host: string;
  port: number;
  /** Budget for flow records, bytes. */
  memory: number;
  version: string;
  log: Logger;
  /** Folder of the built UI; where the build puts it if left out. */
  uiFolder?: string;
}

export interface RunningHub {
  /** `http://127.0.0.1:12000`, with the port that was really taken. */
  readonly url: string;
  readonly state: HubState;
  close(): Promise<void>;
}

/** Resolves when the hub listens. Throws a Failure if it cannot. */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  const { host, port, log } = options;
  if (!isLoopback(host)) {
    throw new Failure(
      `The hub does not listen on ${host}: without authentication it serves only this machine; use 127.0.0.1, [::1] or localhost.`,
    );
  }
  const state = new HubState(options);
  const app = hubApp(state, options.uiFolder ?? builtUi(), (error) => log.error({ err: error }, 'a request failed'));
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    void app(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, host, port);

  const live = new LiveSockets(state, log);
  const agents = new AgentSockets(state, new Ingest(state), log);
  const sockets = {
    '/api/v1/agents': new SocketRoute(MAX_AGENT_MESSAGE, (socket) => agents.accept(socket)),
    '/api/v1/live': new SocketRoute(MAX_LIVE_MESSAGE, (socket) => live.accept(socket)),
  };
  server.on('upgrade', (request, socket, head) => upgrade(sockets, request, socket, head));
  const clock = setInterval(() => state.tick(Date.now()), 1000);

  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    state,
    close: async () => {
      clearInterval(clock);
      live.stop();
      for (const route of Object.values(sockets)) route.close();
      await closeServer(server);
    },
  };
}

/** The WebSockets of one path; those that answer no ping are broken off. */
class SocketRoute {
  readonly #server: WebSocketServer;
  readonly #accept: (socket: WebSocket) => void;
  readonly #alive = new WeakSet<WebSocket>();
  readonly #timer: NodeJS.Timeout;

  constructor(maxPayload: number, accept: (socket: WebSocket) => void) {
    this.#server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });
    this.#accept = accept;
    this.#timer = setInterval(() => this.#ping(), PING_MS);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      this.#alive.add(ws);
      const isAlive = (): void => void this.#alive.add(ws);
      ws.on('pong', isAlive);
      ws.on('message', isAlive);
      this.#accept(ws);
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

function upgrade(
  sockets: Readonly<Record<string, SocketRoute>>,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  // Until a WebSocket takes it over, a broken connection would be an unhandled error.
  socket.on('error', () => socket.destroy());
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = Object.hasOwn(sockets, path) ? sockets[path] : undefined;
  const problem =
    refusal(request) ?? (route === undefined ? new Problem(404, 'There is no WebSocket at this path.') : null);
  if (route !== undefined && problem === null) {
    route.upgrade(request, socket, head);
    return;
  }
  const { status } = problem ?? { status: 404 };
  const headers = { ...SECURITY_HEADERS, 'Content-Type': 'application/problem+json', Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = problem === null ? '' : problemBody(problem);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    throw new Failure(listenSentence(error, host, port), { cause: error });
  });
}

function listenSentence(error: unknown, host: string, port: number): string {
  if (hasCode(error, 'EADDRINUSE')) {
    return `The hub cannot listen on ${host}:${port}, because another process does; stop it, or choose another port with --listen.`;
  }
  if (hasCode(error, 'EACCES')) {
    return `The hub may not listen on ${host}:${port}; choose a port above 1023 with --listen, or run as root.`;
  }
  return `The hub cannot listen on ${host}:${port}: ${sentence(error)}; choose another address with --listen.`;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(timer);
}
