/** Puts the hub together: HTTP server, agents' and browsers' WebSockets, Hubble API, clock. Owns all of them. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { MAX_AGENT_MESSAGE } from '../wire/agent.ts';
import { MAX_LIVE_MESSAGE } from '../wire/live.ts';
import { Access, type AccessOptions } from './access/access.ts';
import { addressOf, admitRequest } from './access/http-access.ts';
import { credentialOf } from './access/credentials.ts';
import { type ExportOptions, Exports } from './exports/exports.ts';
import { type GrpcOptions, type RunningGrpc, startGrpc } from './grpc/server.ts';
import { DEFAULT_BACKLOG, History, type HistoryStore } from './history/history.ts';
import { hubApp } from './http/app.ts';
import type { Hosts } from './http/security.ts';
import { SocketRoute, upgrade } from './http/socket-route.ts';
import { builtUi } from './http/static-ui.ts';
import { HubState } from './hub-state.ts';
import { AgentSockets } from './ingest/agent-socket.ts';
import { Ingest } from './ingest/ingest.ts';
import { listen } from './listen.ts';
import type { MetricConfig } from './metrics/config.ts';
import { LiveSockets } from './live/live-sockets.ts';
import { StreamSockets } from './stream/stream-sockets.ts';
import type { TlsFiles } from './tls-files.ts';

/** Recorders only listen. */
const MAX_STREAM_READER_MESSAGE = 1024;
const MAX_CONNECTIONS = 20_000;
/** Connections that have not finished by then are broken off. */
const CLOSE_MS = 500;
const HANDSHAKE_MS = 10_000;
/** Ours: the token is not good any more, or for something else. */
const CLOSE_REVOKED = 4003;

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
  /** Where the Hubble API listens; null if it does not. */
  grpc: Omit<GrpcOptions, 'onBug' | 'access' | 'tls'> | null;
  /** Who may use the hub; who reaches it, if left out. Given what the hub knows, for those who ask about each namespace. */
  access?: (state: HubState) => AccessOptions;
  /** Certificate of everything that it serves; plain text, if left out. */
  tls?: TlsFiles;
  /** Names by which it may be called, besides those of this machine. */
  allowedHosts?: readonly string[];
  /** Where flows may be exported to; nowhere if left out. */
  exports?: ExportOptions | undefined;
  /** Folder of the built UI; where the build puts it if left out. */
  uiFolder?: string;
}

export interface RunningHub {
  /** `http://127.0.0.1:12000`, or https, with the port that was really taken. */
  readonly url: string;
  /** `127.0.0.1:4245`, null without Hubble API. */
  readonly grpcAddress: string | null;
  readonly state: HubState;
  close(): Promise<void>;
}

/** Resolves when the hub listens. Throws a Failure if it cannot. */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  const { host, port, grpc, log, tls = null } = options;
  const state = new HubState(options);
  const { history: store, backlog = DEFAULT_BACKLOG } = options;
  if (store !== null) state.history = new History(store, { hub: state.id, log, backlog });
  const onBug = (error: unknown): void => log.error({ err: error }, 'a request failed');
  const access = new Access(options.access?.(state) ?? { mode: 'none', readers: null, agents: null }, log);
  const isGuarded = access.mode !== 'none';
  const hosts: Hosts = { allowed: new Set(options.allowedHosts?.map((it) => it.toLowerCase())), isGuarded };
  const app = hubApp(state, { access, hosts, uiFolder: options.uiFolder ?? builtUi(), onBug });
  const server = serverOf(tls, (request, response) => void app(request, response));
  let hubble: RunningGrpc | null = null;
  try {
    await listen(server, { host, port }, { what: 'The hub', option: '--listen', isGuarded });
    hubble = grpc === null ? null : await startGrpc(state, { ...grpc, access, tls, onBug });
  } catch (error) {
    access.stop();
    server.close();
    throw error;
  }

  if (options.exports !== undefined) state.exports = new Exports(state, options.exports, log);
  const live = new LiveSockets(state, log);
  const streams = new StreamSockets(state.stats, log);
  const agents = new AgentSockets(state, new Ingest(state), streams, log);
  const sockets = {
    '/api/v1/agents': new SocketRoute(MAX_AGENT_MESSAGE, async (request) => {
      const { authorization, cookie } = request.headers;
      const admission = await access.admitAgent(credentialOf(authorization, cookie), addressOf(request));
      return (socket) => {
        socket.on(
          'close',
          access.watch(admission, (why) => socket.close(CLOSE_REVOKED, why)),
        );
        agents.accept(socket, admission.account);
      };
    }),
    '/api/v1/live': new SocketRoute(MAX_LIVE_MESSAGE, async (request) => {
      const admission = await admitRequest(access, request, '/api/v1/live');
      access.refuseStreams(admission);
      return (socket) => {
        socket.on(
          'close',
          access.watch(admission, (why) => socket.close(CLOSE_REVOKED, why)),
        );
        live.accept(socket, admission.reader.visibility);
      };
    }),
    '/api/v1/stream': new SocketRoute(MAX_STREAM_READER_MESSAGE, async (request) => {
      // Only for those who may see everything: what is handed on is what agents sent.
      const admission = await admitRequest(access, request, '/api/v1/stream');
      access.refuseStreams(admission);
      return (socket) => {
        socket.on(
          'close',
          access.watch(admission, (why) => socket.close(CLOSE_REVOKED, why)),
        );
        streams.accept(socket);
      };
    }),
  };
  server.on('upgrade', (request, socket, head) => void upgrade(sockets, { hosts, onBug }, request, socket, head));
  const clock = setInterval(() => state.tick(Date.now()), 1000);

  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `${tls === null ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    grpcAddress: hubble?.address ?? null,
    state,
    close: async () => {
      clearInterval(clock);
      access.stop();
      live.stop();
      for (const route of Object.values(sockets)) route.close();
      await Promise.all([closeServer(server), hubble?.close(), state.exports?.close()]);
      await state.history?.close();
    },
  };
}

function serverOf(tls: TlsFiles | null, answer: RequestListener): Server {
  const limits = { requestTimeout: 30_000, headersTimeout: 10_000 };
  if (tls === null) {
    const server = createServer(limits, answer);
    server.maxConnections = MAX_CONNECTIONS;
    return server;
  }
  const server = createTlsServer({ ...limits, ...tls.context, handshakeTimeout: HANDSHAKE_MS }, answer);
  server.maxConnections = MAX_CONNECTIONS;
  tls.follow(server);
  return server;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(timer);
}
