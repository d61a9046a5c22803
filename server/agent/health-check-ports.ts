/**
 * The ports at which load balancers ask whether this node has endpoints of a service (healthCheckNodePort,
 * for externalTrafficPolicy Local), answered as kube-proxy does: 200 if it has, 503 if not, and how many.
 */
import { createServer, type Server } from 'node:http';
import type { ClusterState, Service } from '../cluster/model.ts';
import { sentence } from '../base/failure.ts';

const MAX_CONNECTIONS = 64;
const TIMEOUT_MS = 5000;

export interface HealthChecks {
  /** Runs a block in the node's network namespace, synchronously: where it listens, the port is the node's. */
  inside(block: () => void): void;
  /** Whether this node's datapath is in step with the cluster. */
  isHealthy(): boolean;
  /** Hears of a port that could not be had, one sentence. */
  warn(problem: string): void;
}

interface Check {
  service: Pick<Service, 'namespace' | 'name'>;
  localEndpoints: number;
}

/** What each port answers for, by port. Ready endpoints on the node count, each once. */
export function healthChecks(state: ClusterState, nodeName: string): Map<number, Check> {
  const asked = state.services.filter((it) => it.healthCheckNodePort > 0);
  const local = new Map(asked.map((it) => [`${it.namespace}/${it.name}`, new Set<string>()]));
  for (const slice of state.endpointSlices) {
    const endpoints = local.get(`${slice.namespace}/${slice.serviceName}`);
    if (endpoints === undefined) continue;
    for (const { addresses, conditions, nodeName: place, targetRef } of slice.endpoints) {
      // A pod with addresses of both families is in two slices.
      if (conditions.ready && place === nodeName) endpoints.add(targetRef || (addresses[0] ?? ''));
    }
  }
  return new Map(
    asked.map(({ namespace, name, healthCheckNodePort }) => {
      const localEndpoints = local.get(`${namespace}/${name}`)?.size ?? 0;
      return [healthCheckNodePort, { service: { namespace, name }, localEndpoints }];
    }),
  );
}

export class HealthCheckPorts implements Disposable {
  readonly #around: HealthChecks;
  readonly #servers = new Map<number, Server>();
  #checks = new Map<number, Check>();

  constructor(around: HealthChecks) {
    this.#around = around;
  }

  /** Listens at the ports of these checks and at no others. */
  apply(checks: Map<number, Check>): void {
    this.#checks = checks;
    for (const [port, server] of this.#servers) if (!checks.has(port)) this.#close(port, server);
    const fresh = [...checks.keys()].filter((port) => !this.#servers.has(port));
    if (fresh.length > 0) this.#around.inside(() => fresh.forEach((port) => this.#listen(port)));
  }

  [Symbol.dispose](): void {
    for (const [port, server] of this.#servers) this.#close(port, server);
  }

  #listen(port: number): void {
    const server = createServer({ requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS }, (_, response) => {
      const { status, body } = this.#answer(port);
      const headers = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };
      response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`);
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('error', (error) => {
      const { namespace, name } = this.#checks.get(port)?.service ?? { namespace: '', name: '' };
      this.#around.warn(
        `cannot listen at the health check port ${port} of service ${namespace}/${name}: ${sentence(error)}; load balancers take this node for one without endpoints`,
      );
      // The next pass tries again.
      this.#servers.delete(port);
    });
    this.#servers.set(port, server);
    // Without a host: that would be looked up, and the socket made later, in another namespace.
    server.listen(port);
  }

  #answer(port: number): { status: number; body: object } {
    const check = this.#checks.get(port);
    const serviceProxyHealthy = this.#around.isHealthy();
    const localEndpoints = check?.localEndpoints ?? 0;
    const status = localEndpoints > 0 && serviceProxyHealthy ? 200 : 503;
    return { status, body: { service: check?.service, localEndpoints, serviceProxyHealthy } };
  }

  #close(port: number, server: Server): void {
    this.#servers.delete(port);
    server.close();
    server.closeAllConnections();
  }
}
