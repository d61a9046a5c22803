/** The methods of the Observer and of the health service. */
import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Access } from '../access/access.ts';
import { FlowReading } from '../flow-reader.ts';
import { PATIENCE_MS, SlowReaderError } from '../http/slow-reader.ts';
import type { GrpcStats, HubState } from '../hub-state.ts';
import { ANYBODY, type Caller, callerOf, streamCallerOf } from './call-admission.ts';
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
  access: Access;
  /** Breaks off the connection that a call came over. */
  cut(peer: string): void;
  /** Notes that the caller at the other end of a connection may read. */
  letIn: (peer: string) => void;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
  onBug(error: unknown): void;
  /** A client that takes nothing for so long is cut. */
  patienceMs?: number;
}

export function observerHandlers(around: Surroundings): UntypedServiceImplementation {
  const { state } = around;
  return {
    GetFlows: stream(around, 'GetFlows', (call, caller) => flows(around, call, caller)),
    GetNodes: unary(around, 'GetNodes', (_request, { visibility }) => nodes(state, visibility)),
    GetNamespaces: unary(around, 'GetNamespaces', (_request, { visibility }) => namespaceList(state, visibility)),
    ServerStatus: unary(around, 'ServerStatus', (_request, { visibility }) => serverStatus(state, visibility)),
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
      const { signal } = goneWith(call, around, ANYBODY.revoked);
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

async function flows(around: Surroundings, call: FlowsCall, { visibility, revoked }: Caller): Promise<void> {
  const { state, stats } = around;
  const request = readFlowsRequest(read(call.request as Decoded<GetFlowsRequest>));
  if (stats.streams >= MAX_STREAMS) {
    throw new CallError(
      status.RESOURCE_EXHAUSTED,
      `The hub already sends ${MAX_STREAMS} streams of flows; end one, or try again later.`,
    );
  }
  stats.streams += 1;
  const gone = goneWith(call, around, revoked);
  try {
    const options = { mask: request.mask, gone, patienceMs: around.patienceMs ?? PATIENCE_MS };
    await getFlows(
      new FlowReading(state, request.follow, visibility),
      state,
      request,
      new FlowStream(stats, call, options),
      gone.signal,
    );
  } catch (error) {
    if (gone.signal.reason instanceof SlowReaderError) {
      state.stats.slowReaders += 1;
      around.cut(call.getPeer());
    }
    if (!gone.signal.aborted) throw error;
    if (revoked.aborted) throw new CallError(status.UNAUTHENTICATED, `The stream ends: ${String(revoked.reason)}.`);
    if (around.stopping.aborted) throw new CallError(status.UNAVAILABLE, 'The hub stops; try again.');
    throw new CallError(status.CANCELLED, 'The client has gone.');
  } finally {
    stats.streams -= 1;
    gone.abort();
  }
}

/** Aborted when the client cancels or goes away, may stay no longer, or the server stops. */
function goneWith(call: FlowsCall, around: Surroundings, revoked: AbortSignal): AbortController {
  const gone = new AbortController();
  const stop = (): void => gone.abort();
  if (call.cancelled || around.stopping.aborted || revoked.aborted) stop();
  call.once('cancelled', stop);
  for (const signal of [around.stopping, revoked]) {
    signal.addEventListener('abort', stop, { once: true, signal: gone.signal });
  }
  call.once('close', () => gone.abort());
  return gone;
}

function read<T>(decoded: Decoded<T>): T {
  if ('request' in decoded) return decoded.request;
  throw invalid(`The request is no message of this method: ${decoded.malformed}.`);
}

function unary<Q>(around: Surroundings, method: string, answer: (request: Q, caller: Caller) => object) {
  return (call: ServerUnaryCall<Decoded<Q>, object>, callback: sendUnaryData<object>): void => {
    callerOf(around, method, call)
      .then((caller) => {
        call.sendMetadata(initialMetadata());
        return answer(read(call.request), caller);
      })
      .then(
        (message) => {
          count(around.stats, method, status.OK);
          callback(null, message);
        },
        (error: unknown) => callback(ended(around, method, error)),
      );
  };
}

function stream(around: Surroundings, method: string, serve: (call: FlowsCall, caller: Caller) => Promise<void>) {
  return (call: FlowsCall): void => {
    const served = async (): Promise<void> => {
      const caller = await streamCallerOf(around, method, call);
      // At once: the hubble command waits for it.
      call.sendMetadata(initialMetadata());
      try {
        await serve(call, caller);
      } finally {
        caller.forget();
      }
    };
    served().then(
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
