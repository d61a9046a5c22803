/**
 * The agent's own HTTP server: `/healthz` and `/readyz` for probes, `/metrics` for Prometheus. It only
 * reads, and says nothing of flows. Counters are asked for when somebody looks, so the drain keeps no
 * metric objects.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Failure, hasCode, sentence } from '../base/failure.ts';
import { isLoopback } from '../base/loopback.ts';
import { agentMetrics } from './metrics.ts';
import type { AgentHealth, AgentMetrics } from './metrics.ts';

const MAX_CONNECTIONS = 64;
const TIMEOUT_MS = 10_000;
const STARTING = 'The agent is starting.';

export interface HealthServer extends AsyncDisposable {
  /** `http://127.0.0.1:9965`, with the port that was really taken. */
  readonly url: string;
  /** From now on answers with what `health` says; until then it is alive but not ready. */
  show(health: AgentHealth): void;
}

interface Answer {
  status: number;
  type: string;
  body: string;
}

interface Shown {
  health: AgentHealth;
  metrics: AgentMetrics;
}

/** Resolves when it listens; `port` 0 takes a free one. Throws a Failure if it cannot. */
export async function startHealthServer({ host, port }: { host: string; port: number }): Promise<HealthServer> {
  let shown: Shown | undefined;
  const onlyLocal = isLoopback(host);
  const server = createServer({ requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS }, (request, response) => {
    answer(request, onlyLocal, shown).then(
      (it) => send(response, it),
      (error: unknown) => send(response, text(500, `The agent failed to answer: ${sentence(error)}.`)),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, host, port);
  const taken = server.address() as AddressInfo;
  return {
    url: `http://${taken.family === 'IPv6' ? `[${taken.address}]` : taken.address}:${taken.port}`,
    show(health) {
      shown = { health, metrics: agentMetrics(health) };
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, onlyLocal: boolean, shown: Shown | undefined): Promise<Answer> {
  // A page elsewhere can make its own name resolve to 127.0.0.1.
  if (onlyLocal && !isLoopback((request.headers.host ?? '').replace(/:\d{1,5}$/, ''))) {
    return text(403, 'The Host header does not name this machine; use localhost or 127.0.0.1.');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, `${request.method ?? ''} is not allowed here; use GET.`);
  }
  const [path = ''] = (request.url ?? '').split('?', 1);
  switch (path) {
    case '/healthz':
      return text(200, 'ok');
    case '/readyz': {
      const problem = shown === undefined ? STARTING : shown.health.problem();
      return problem === null ? text(200, 'ok') : text(503, problem);
    }
    case '/metrics':
      if (shown === undefined) return text(503, STARTING);
      return { status: 200, type: shown.metrics.contentType, body: await shown.metrics.render() };
    default:
      return text(404, 'There is nothing here; the agent serves /healthz, /readyz and /metrics.');
  }
}

function text(status: number, line: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${line}\n` };
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response
    .writeHead(status, {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(status === 405 && { Allow: 'GET, HEAD' }),
    })
    .end(body);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    const why = hasCode(error, 'EADDRINUSE') ? 'another process does' : sentence(error);
    throw new Failure(
      `The agent cannot listen on ${host}:${port} for probes and metrics: ${why}; choose another address with --listen.`,
      { cause: error },
    );
  });
}
