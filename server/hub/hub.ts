/** Puts the hub together: HTTP server, agents' and browsers' WebSockets, Hubble API, clock. Owns all of them. */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_AGENT_MESSAGE } from '../wire/agent.ts';
import { MAX_LIVE_MESSAGE } from '../wire/live.ts';
import { type ExportOptions, Exports } from './exports/exports.ts';
import { type GrpcOptions, type RunningGrpc, startGrpc } from './grpc/server.ts';
import { DEFAULT_BACKLOG, History, type HistoryStore } from './history/history.ts';
import { hubApp } from './http/app.ts';
import { Problem, problemBody } from './http/problem.ts';
import { refusal, SECURITY_HEADERS } from './http/security.ts';
import { builtUi } from './http/static-ui.ts';
import { HubState } from './hub-state.ts';
import { AgentSockets } from './ingest/agent-socket.ts';
import { Ingest } from './ingest/ingest.ts';
import { listen } from './listen.ts';
import type { MetricConfig } from './metrics/config.ts';
import { LiveSockets } from './live/live-sockets.ts';
import { StreamSockets } from './stream/stream-sockets.ts';

const PING_MS = 15_000;
/** Recorders only listen. */
const MAX_STREAM_READER_MESSAGE = 1024;
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
  /** Hubble's metrics, DEFAULT_METRICS if left out; and how many series Prometheus gets at most. */
  metrics?: readonly MetricConfig[];
  series?: number;
  /** Where history is kept; null for memory only. The hub lets go of it when it closes. */
  history: HistoryStore | null;
  /** Bytes of rows that wait for the store at most; DEFAULT_BACKLOG if left out. */
  backlog?: number;
  /** Where the Hubble API listens, and with which certificate; null if it does not. */
  grpc: Omit<GrpcOptions, 'onBug'> | null;
  /** Where flows may be exported to; nowhere if left out. */
  exports?: ExportOptions | undefined;
  /** Folder of the built UI; where the build puts it if left out. */
  uiFolder?: string;
}

export interface RunningHub {
  /** `http://127.0.0.1:12000`, with the port that was really taken. */
  readonly url: string;
  /** `127.0.0.1:4245`, null without Hubble API. */
  readonly grpcAddress: string | null;
  readonly state: HubState;
  close(): Promise<void>;
}

/** Resolves when the hub listens. Throws a Failure if it cannot. */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  const { host, port, grpc, log } = options;
  const state = new HubState(options);
  const { history: store, backlog = DEFAULT_BACKLOG } = options;
  if (store !== null) state.history = new History(store, { hub: state.id, log, backlog });
  const onBug = (error: unknown): void => log.error({ err: error }, 'a request failed');
  const app = hubApp(state, options.uiFolder ?? builtUi(), onBug);
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    void app(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, { host, port }, { what: 'The hub', option: '--listen' });
  let hubble: RunningGrpc | null = null;
  try {
    hubble = grpc === null ? null : await startGrpc(state, { ...grpc, onBug });
  } catch (error) {
    server.close();
    throw error;
  }

  if (options.exports !== undefined) state.exports = new Exports(state, options.exports, log);
  const live = new LiveSockets(state, log);
  const streams = new StreamSockets(state.stats, log);
  const agents = new AgentSockets(state, new Ingest(state), streams, log);
  const sockets = {
    '/api/v1/agents': new SocketRoute(MAX_AGENT_MESSAGE, (socket) => agents.accept(socket)),
    '/api/v1/live': new SocketRoute(MAX_LIVE_MESSAGE, (socket) => live.accept(socket)),
    '/api/v1/stream': new SocketRoute(MAX_STREAM_READER_MESSAGE, (socket) => streams.accept(socket)),
  };
  server.on('upgrade', (request, socket, head) => upgrade(sockets, request, socket, head));
  const clock = setInterval(() => state.tick(Date.now()), 1000);

  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    grpcAddress: hubble?.address ?? null,
    state,
    close: async () => {
      clearInterval(clock);
      live.stop();
      for (const route of Object.values(sockets)) route.close();
      await Promise.all([closeServer(server), hubble?.close(), state.exports?.close()]);
      await state.history?.close();
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

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(timer);
}
