/** A Kubernetes API server as far as reviews go: real JSON over TLS, with answers that a test writes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AuthenticationV1Api, AuthorizationV1Api, KubeConfig } from '@kubernetes/client-node';
import type { TestCertificate } from '../../testing/certificate.ts';
import type { ReviewApis } from '../reviews.ts';

export interface ScriptedUser {
  username: string;
  groups?: string[];
  /** What its token is made for; only the API server if left out. */
  audiences?: string[];
  extra?: Record<string, string[]>;
  /** Namespaces whose flows it may list; `*` for all. */
  namespaces: string[];
}

interface Review {
  apiVersion?: string;
  kind?: string;
  spec: {
    token?: string;
    audiences?: string[];
    user?: string;
    groups?: string[];
    resourceAttributes?: { namespace?: string; group?: string; resource?: string; verb?: string };
  };
}

const OWN_TOKEN = 'the-hub-itself';

export class ApiServer {
  /** By token. */
  readonly users = new Map<string, ScriptedUser>();
  /** Paths that were asked, with the namespace of access reviews. */
  readonly asked: string[] = [];
  /** Answers everything with this status, if set; `hang` never answers. */
  failure: number | 'hang' | null = null;
  readonly #server: Server;

  constructor(certificate: TestCertificate) {
    this.#server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
      void this.#answer(request, response);
    });
  }

  async start(certificate: TestCertificate): Promise<ReviewApis> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    const config = new KubeConfig();
    const caData = certificate.cert.toString('base64');
    config.loadFromOptions({
      clusters: [{ name: 'c', server: `https://127.0.0.1:${port}`, caData }],
      users: [{ name: 'hub', token: OWN_TOKEN }],
      contexts: [{ name: 'it', cluster: 'c', user: 'hub' }],
      currentContext: 'it',
    });
    return {
      authentication: config.makeApiClient(AuthenticationV1Api),
      authorization: config.makeApiClient(AuthorizationV1Api),
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const review = JSON.parse(Buffer.concat(parts).toString()) as Review;
    const { namespace } = review.spec.resourceAttributes ?? {};
    this.asked.push(`${request.url?.split('/').at(-1) ?? ''}${namespace === undefined ? '' : ` ${namespace}`}`);
    if (this.failure === 'hang') return;
    if (request.headers.authorization !== `Bearer ${OWN_TOKEN}`) this.#send(response, 401, { kind: 'Status' });
    else if (this.failure !== null) this.#send(response, this.failure, { kind: 'Status', message: 'etcd is away' });
    else if (request.url === '/apis/authentication.k8s.io/v1/tokenreviews')
      this.#send(response, 201, this.#token(review));
    else if (request.url === '/apis/authorization.k8s.io/v1/subjectaccessreviews')
      this.#send(response, 201, this.#access(review));
    else this.#send(response, 404, { kind: 'Status' });
  }

  #token({ spec: { token = '', audiences } }: Review): object {
    const user = this.users.get(token);
    const own = user?.audiences ?? ['https://kubernetes.default.svc'];
    const shared = audiences === undefined ? own : own.filter((it) => audiences.includes(it));
    const isFor = audiences === undefined ? user?.audiences === undefined : shared.length > 0;
    if (user === undefined || !isFor) {
      return { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', status: { error: 'invalid bearer token' } };
    }
    const { username, groups = ['system:authenticated'], extra } = user;
    return {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      status: {
        authenticated: true,
        audiences: shared,
        user: { username, uid: `uid-${username}`, groups, ...(extra && { extra }) },
      },
    };
  }

  #access({ spec: { user: name, resourceAttributes = {} } }: Review): object {
    const { namespace = '', group, resource, verb } = resourceAttributes;
    const isFlows = group === 'spyglass.io' && resource === 'flows' && verb === 'list';
    const user = [...this.users.values()].find(({ username }) => username === name);
    const allowed = isFlows && user?.namespaces.some((it) => it === '*' || it === namespace) === true;
    return { kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', status: { allowed } };
  }

  #send(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }
}
