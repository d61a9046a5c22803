/** The methods of the Observer and of the health service. */
import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { PATIENCE_MS, SlowReaderError } from '../http/slow-reader.ts';
import type { GrpcStats, HubState } from '../hub-state.ts';
import { CallError, invalid, statusOf } from './call-error.ts';
import { type FlowsCall, FlowStream } from './flow-stream.ts';
import { readFlowsRequest } from './flows-request.ts';
import { getFlows } from './get-flows.ts';
import { namespaceList, nodes, serverStatus } from './overview.ts';
import type { Decoded, GetFlowsRequest, HealthRequest } from './protocol.ts';

/** Streams of flows at once, over all clients. */
export const MAX_STREAMS = 128;
/** The version of Hubble that this API is; the hubble command warns if it is older. */
const HUBBLE_VERSION = '1.19.4';
/** Services that health checks may name; '' is the server. */
const HEALTHY: ReadonlySet<string> = new Set(['', 'hubble.server.Observer', 'observer.Observer']);
const SERVING = { status: 'SERVING' };

export interface Surroundings {
  state: HubState;
  stats: GrpcStats;
  /** Breaks off the connection that a call came over. */
  cut(peer: string): void;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
  onBug(error: unknown): void;
  /** A client that takes nothing for so long is cut. */
  patienceMs?: number;
}

export function observerHandlers(around: Surroundings): UntypedServiceImplementation {
  const { state } = around;
  return {
    GetFlows: stream(around, 'GetFlows', (call) => flows(around, call)),
    GetNodes: unary(around, 'GetNodes', () => nodes(state)),
    GetNamespaces: unary(around, 'GetNamespaces', () => namespaceList(state)),
    ServerStatus: unary(around, 'ServerStatus', () => serverStatus(state)),
    GetAgentEvents: stream(around, 'GetAgentEvents', () => refuse('events of agents')),
    GetDebugEvents: stream(around, 'GetDebugEvents', () => refuse('events for debugging')),
  };
}

export function healthHandlers(around: Surroundings): UntypedServiceImplementation {
  return {
    Check: unary(around, 'Check', ({ service = '' }: HealthRequest) => {
      if (HEALTHY.has(service)) return SERVING;
      throw new CallError(status.NOT_FOUND, `There is no service "${service.slice(0, 64)}" here.`);
    }),
    Watch: stream(around, 'Watch', async (call) => {
      const { service = '' } = read(call.request as Decoded<HealthRequest>);
      call.write(HEALTHY.has(service) ? SERVING : { status: 'SERVICE_UNKNOWN' });
      const { signal } = goneWith(call, around);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }),
  };
}

async function refuse(what: string): Promise<void> {
  return Promise.reject(new CallError(status.UNIMPLEMENTED, `This hub has no ${what}; ask for flows.`));
}

async function flows(around: Surroundings, call: FlowsCall): Promise<void> {
  const { state, stats } = around;
  const request = readFlowsRequest(read(call.request as Decoded<GetFlowsRequest>));
  if (stats.streams >= MAX_STREAMS) {
    throw new CallError(
      status.RESOURCE_EXHAUSTED,
      `The hub already sends ${MAX_STREAMS} streams of flows; end one, or try again later.`,
    );
  }
  stats.streams += 1;
  const gone = goneWith(call, around);
  try {
    const options = { mask: request.mask, gone, patienceMs: around.patienceMs ?? PATIENCE_MS };
    await getFlows(state, request, new FlowStream(stats, call, options), gone.signal);
  } catch (error) {
    if (gone.signal.reason instanceof SlowReaderError) {
      state.stats.slowReaders += 1;
      around.cut(call.getPeer());
    }
    if (!gone.signal.aborted) throw error;
    if (around.stopping.aborted) throw new CallError(status.UNAVAILABLE, 'The hub stops; try again.');
    throw new CallError(status.CANCELLED, 'The client has gone.');
  } finally {
    stats.streams -= 1;
    gone.abort();
  }
}

/** Aborted when the client cancels or goes away, or the server stops. */
function goneWith(call: FlowsCall, around: Surroundings): AbortController {
  const gone = new AbortController();
  const stop = (): void => gone.abort();
  if (call.cancelled || around.stopping.aborted) stop();
  call.once('cancelled', stop);
  around.stopping.addEventListener('abort', stop, { once: true, signal: gone.signal });
  call.once('close', () => gone.abort());
  return gone;
}

function read<T>(decoded: Decoded<T>): T {
  if ('request' in decoded) return decoded.request;
  throw invalid(`The request is no message of this method: ${decoded.malformed}.`);
}

function unary<Q>(around: Surroundings, method: string, answer: (request: Q) => object) {
  return (call: ServerUnaryCall<Decoded<Q>, object>, callback: sendUnaryData<object>): void => {
    call.sendMetadata(initialMetadata());
    try {
      const message = answer(read(call.request));
      count(around.stats, method, status.OK);
      callback(null, message);
    } catch (error) {
      callback(ended(around, method, error));
    }
  };
}

function stream(around: Surroundings, method: string, serve: (call: FlowsCall) => Promise<void>) {
  return (call: FlowsCall): void => {
    // At once: the hubble command waits for it.
    call.sendMetadata(initialMetadata());
    serve(call).then(
      () => {
        count(around.stats, method, status.OK);
        call.end();
      },
      (error: unknown) => call.emit('error', ended(around, method, error)),
    );
  };
}

function ended(around: Surroundings, method: string, error: unknown): { code: status; details: string } {
  const known = statusOf(error);
  if (known === null) around.onBug(error);
  const result = known ?? { code: status.INTERNAL, details: 'The hub failed; its log says why.' };
  count(around.stats, method, result.code);
  return result;
}

function count({ calls }: GrpcStats, method: string, code: status): void {
  const key = `${method} ${status[code]}`;
  calls.set(key, (calls.get(key) ?? 0) + 1);
}

function initialMetadata(): Metadata {
  const metadata = new Metadata();
  metadata.set('hubble-server-version', HUBBLE_VERSION);
  return metadata;
}
