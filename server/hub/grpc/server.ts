/**
 * The Hubble API's server. It accepts the sockets itself and hands them to gRPC: so it can say clearly why it cannot
 * listen, bound their number, and break off a connection whose client does not read.
 */
import { setMaxListeners } from 'node:events';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Access } from '../access/access.ts';
import type { GrpcStats, HubState } from '../hub-state.ts';
import { listen } from '../listen.ts';
import type { TlsFiles } from '../tls-files.ts';
import { healthHandlers, observerHandlers, type Surroundings } from './handlers.ts';
import { HEALTH, OBSERVER } from './protocol.ts';

export const MAX_CONNECTIONS = 128;
/** Those that are still shaking hands included. */
const MAX_SOCKETS = 4 * MAX_CONNECTIONS;
const MAX_STREAMS_PER_CONNECTION = 100;
/** Largest request, bytes; the largest filter allowed is far smaller. */
const MAX_REQUEST = 256 * 1024;
/** Clients take 4 MiB by default; a flow is some KiB. */
const MAX_RESPONSE = 4 * 1024 * 1024;
/** Clients that answer no ping are broken off. */
const PING_MS = 15_000;
const PING_TIMEOUT_MS = 10_000;
/** Connections that have not finished by then are broken off. */
const CLOSE_MS = 500;
const HANDSHAKE_MS = 10_000;

export interface GrpcOptions {
  /** Name or address of this machine, and port; 0 takes a free one. */
  host: string;
  port: number;
  access: Access;
  /** Null for plain text. */
  tls: TlsFiles | null;
  onBug: (error: unknown) => void;
  /** A client that takes nothing for so long is cut. */
  patienceMs?: number;
  /** So long TLS may take to shake hands. */
  handshakeMs?: number;
}

export interface RunningGrpc {
  /** `127.0.0.1:4245`, with the port that was really taken. */
  readonly address: string;
  /** Ends streams with UNAVAILABLE, so that clients come again. */
  close(): Promise<void>;
}

/** Resolves when the API listens. Throws a Failure if it cannot. */
export async function startGrpc(state: HubState, options: GrpcOptions): Promise<RunningGrpc> {
  const stats: GrpcStats = { address: null, tls: options.tls !== null, streams: 0, flows: 0, calls: new Map() };
  state.grpc = stats;
  const sockets = new Map<string, Socket>();
  /** Of those, whose calls were let in. */
  const known = new Set<string>();
  const stopping = new AbortController();
  // One listener for each call.
  setMaxListeners(0, stopping.signal);
  const { patienceMs } = options;
  const around: Surroundings = {
    state,
    stats,
    access: options.access,
    cut: (peer) => void sockets.get(peer)?.destroy(),
    letIn: (peer) => void (sockets.has(peer) && known.add(peer)),
    stopping: stopping.signal,
    onBug: options.onBug,
    ...(patienceMs !== undefined && { patienceMs }),
  };
  const grpc = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST,
    'grpc.max_send_message_length': MAX_RESPONSE,
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    'grpc.keepalive_time_ms': PING_MS,
    'grpc.keepalive_timeout_ms': PING_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
  });
  grpc.addService(OBSERVER, observerHandlers(around));
  grpc.addService(HEALTH, healthHandlers(around));
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());

  const accept = (socket: Socket): void => {
    if (sockets.size >= MAX_CONNECTIONS) {
      // Who has not shown a token makes room, the oldest first: else anybody could keep all others out.
      const stranger = [...sockets.keys()].find((it) => !known.has(it));
      const gone = stranger === undefined ? socket : sockets.get(stranger);
      gone?.destroy();
      if (stranger === undefined) return;
      sockets.delete(stranger);
    }
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.set(peer, socket);
    socket.on('close', () => {
      if (sockets.get(peer) !== socket) return;
      sockets.delete(peer);
      known.delete(peer);
    });
    // Errors of a connection end its calls; there is nobody else to tell.
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  };
  const server =
    options.tls === null ? createServer(accept) : tlsServer(options.tls, options.handshakeMs ?? HANDSHAKE_MS, accept);
  server.maxConnections = MAX_SOCKETS;
  await listen(server, options, {
    what: 'The Hubble API',
    option: '--grpc-listen',
    isGuarded: options.access.mode !== 'none',
  });
  stats.address = addressOf(server);
  return {
    address: stats.address,
    close: async () => {
      stats.address = null;
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      injector.drain(CLOSE_MS);
      const timer = setTimeout(() => {
        for (const socket of sockets.values()) socket.destroy();
      }, CLOSE_MS);
      await closed;
      clearTimeout(timer);
      injector.destroy();
      grpc.forceShutdown();
    },
  };
}

/** gRPC is given what is inside TLS: its own credentials could not change their certificate while it runs. */
function tlsServer(tls: TlsFiles, handshakeTimeout: number, accept: (socket: Socket) => void): NetServer {
  const options = { ...tls.context, ALPNProtocols: ['h2'], handshakeTimeout };
  const server = createTlsServer(options, accept);
  // Unlike a server of HTTPS, this one leaves open who did not come to an end in time.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  tls.follow(server);
  return server;
}

function addressOf(server: NetServer): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
