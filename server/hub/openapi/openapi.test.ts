/** The document against the API: every path, parameter and answer, in both directions. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Request } from 'express';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Counters, KIND } from '../../wire/agent.ts';
import type { GetFlowsResponse } from '../../wire/hubble.ts';
import { NO_CHANGE } from '../../flows/dictionary-parts.ts';
import { Access } from '../access/access.ts';
import { hubApp } from '../http/app.ts';
import { type RunningHub, startHub } from '../hub.ts';
import { edgeCounters, kernelCounters } from '../testing/counter-fixtures.ts';
import { DROP, FakeAgent, flow } from '../testing/hub-bed.ts';
import { openApiDocument } from './document.ts';

/** Parameters that each path has asked for, as the routes themselves say it. */
const accepted = new Map<string, string[]>();

vi.mock('../http/parameters.ts', async (original) => {
  const module = await original<typeof import('../http/parameters.ts')>();
  class Watched extends module.Parameters {
    constructor(request: Request, own: readonly string[], filters: readonly string[] = []) {
      super(request, own, filters);
      accepted.set(request.path, [...own, ...filters.flatMap((name) => [name, `not.${name}`])]);
    }
  }
  return { ...module, Parameters: Watched };
});

const document = openApiDocument('0.1.0');
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const ofApi = operations.filter(({ path }) => path.startsWith('/api/'));
const VALUES: Readonly<Record<string, string>> = { namespace: 'shop', name: 'allow-web' };

let folder: string;
let hub: RunningHub;
let exportId = '';

const POLICY = {
  namespace: 'shop',
  name: 'allow-web',
  uid: 'u',
  mode: 'enforce',
  policy_types: ['Ingress'],
  endpoints: [17],
  rules: { ingress: [9], egress: [] },
  spec: { podSelector: {} },
  warnings: ['It is a test.'],
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-openapi-'));
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 1024 * 1024,
    history: null,
    version: '0.1.0',
    grpc: null,
    log: pino({ level: 'silent' }),
    uiFolder: '/nonexistent',
    exports: { folder, endpoints: [] },
  });
  const agent = await new FakeAgent(hub).start();
  agent.send(KIND.dictionary, {
    ...NO_CHANGE,
    policies: [POLICY],
    rules: [{ ref: 9, kind: 'NetworkPolicy', namespace: 'shop', name: 'allow-web', direction: 'ingress', index: 0 }],
  });
  const { id } = (await (await send('/api/v1/exports', 'post', '{"target":{"type":"file","name":"a"}}')).json()) as {
    id: string;
  };
  exportId = id;
  await agent.deliver([flow({ ingress_rule: 9, ingress_match: 1 }), DROP, flow({ type: 5, drop_reason: 133 })]);
  for (const n of [1, 2]) {
    const more = { drops: { 133: n }, stages: [[1, 1, n, n, 100 * n]] as Counters['stages'] };
    agent.send(KIND.counters, kernelCounters([edgeCounters(n)], more));
  }
  agent.send(KIND.l7, report(1));
  agent.send(KIND.l7, report(2));
  await agent.deliver([flow()]);
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

const ENDS = {
  source_endpoint: 16,
  destination_endpoint: 17,
  source_identity: 300,
  destination_identity: 301,
  service_id: 5,
  port: 8080,
  peer: '',
};

const report = (n: number): object => ({
  time_ns: String(n),
  series: [
    {
      ...ENDS,
      id: 1,
      protocol: 'http',
      route: 'GET /',
      requests: n,
      responses: n,
      errors: 0,
      codes: [['200', n]],
      latency_sum_ns: n * 1000,
      latency: [[100, n]],
    },
  ],
  names: [],
  losses: { ring: 0, gaps: 0, malformed: 0, unsent: 0, evicted: 0 },
});

function send(path: string, method: string, body?: string): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${hub.url}${path}`, { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body }) });
}

const filled = (path: string): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'id' ? exportId : (VALUES[name] ?? '')));

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
ajv.addKeyword('components');

/** What the answer is, as its content type says, checked by the document. */
async function check(response: Response, path: string, method: string): Promise<void> {
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  const described = document.paths[path]?.[method]?.responses[response.status];
  expect(described, `${method} ${path} answers ${response.status}`).toBeDefined();
  const body = await response.text();
  if (described?.content === undefined) {
    expect(body).toBe('');
    return;
  }
  expect(Object.keys(described.content)).toContain(type);
  const validate = ajv.compile({ ...described.content[type]?.schema, components: document.components });
  const values: unknown[] =
    type === 'application/x-ndjson'
      ? body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))
      : [type.endsWith('json') ? JSON.parse(body) : body];
  expect(values.length).toBeGreaterThan(0);
  for (const value of values) {
    expect(validate(value), `${path}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`).toBe(true);
  }
}

it('has the paths that the hub serves, with their methods', () => {
  const access = new Access({ mode: 'none', readers: null, agents: null }, pino({ level: 'silent' }));
  const hosts = { allowed: new Set<string>(), isGuarded: false };
  const app = hubApp(hub.state, { access, hosts, uiFolder: '/nonexistent', onBug: () => undefined });
  // Those of routers that are mounted, too.
  const layers = app.router.stack.flatMap((it) =>
    'stack' in it.handle ? (it.handle.stack as typeof app.router.stack) : [it],
  );
  const served = layers.flatMap(({ route }) =>
    route === undefined || typeof route.path !== 'string'
      ? []
      : route.stack.flatMap((it) => (it.method ? [`${it.method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`] : [])),
  );
  expect(operations.map(({ path, method }) => `${method} ${path}`).toSorted()).toEqual([...new Set(served)].toSorted());
});

describe('answers are what the document says', () => {
  it.each(operations.filter(({ method }) => method === 'get'))('$method $path', async ({ path, method }) => {
    const response = await send(filled(path), method);
    expect(response.status).toBe(200);
    await check(response, path, method);
  });

  it.each([
    ['/api/v1/flows?format=json&last=20', '', 4],
    ['/api/v1/service-map', 'edges', 1],
    ['/api/v1/l7', 'rows', 1],
    ['/api/v1/datapath', 'stages', 1],
    ['/api/v1/loss', 'nodes', 1],
    ['/api/v1/policies', 'policies', 1],
    ['/api/v1/nodes', 'nodes', 1],
    ['/api/v1/namespaces', 'namespaces', 1],
    ['/api/v1/exports', 'exports', 1],
  ])('and not empty: %s', async (path, list, count) => {
    const value = (await (await send(path, 'get')).json()) as Record<string, unknown>;
    expect(list === '' ? value : value[list]).toHaveLength(count);
  });

  it.each(['json', 'csv'])('flows as %s', async (format) => {
    await check(await send(`/api/v1/flows?format=${format}`, 'get'), '/api/v1/flows', 'get');
  });

  it('of those that change something', async () => {
    const created = await send('/api/v1/exports', 'post', '{"target":{"type":"file","name":"b"}}');
    expect(created.status).toBe(201);
    const { id } = (await created.clone().json()) as { id: string };
    await check(created, '/api/v1/exports', 'post');
    const path = '/api/v1/exports/{id}';
    await check(await send(`/api/v1/exports/${id}`, 'delete'), path, 'delete');
    await check(await send(`/api/v1/exports/${id}`, 'delete'), path, 'delete');
    await check(await send('/api/v1/exports', 'post', '{}'), '/api/v1/exports', 'post');
  });

  it.each(ofApi)('$method $path, asked in a wrong way', async ({ path, method }) => {
    const response = await send(`${filled(path)}?no-such-parameter=1`, method);
    expect(response.status).toBe(400);
    await check(response, path, method);
  });
});

describe('parameters', () => {
  const read = ofApi.filter(({ method }) => method === 'get');

  it.each(read)('of $path are those that are accepted', async ({ path, operation }) => {
    await send(filled(path), 'get');
    const documented = operation.parameters.filter((it) => it.in === 'query').map(({ name }) => name);
    expect(documented.toSorted()).toEqual(accepted.get(filled(path))?.toSorted());
  });

  it.each(read)('of $path take their examples', async ({ path, operation }) => {
    const [flowNow] = (await (await send('/api/v1/flows?format=json&last=1', 'get')).json()) as GetFlowsResponse[];
    for (const { name, example = '' } of operation.parameters.filter((it) => it.in === 'query')) {
      // No flow of the document's is ever kept.
      const value = name === 'cursor' ? (flowNow?.flow?.uuid ?? '') : example;
      const query = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
      const response = await send(`${filled(path)}?${query}`, 'get');
      const answer = await response.text();
      // This hub has no history to count over.
      const isRefused = path.startsWith('/api/v1/policies') && /keeps no history|needs .{1,2}since/.test(answer);
      expect(response.status, `${path}?${query}: ${answer}`).toBe(isRefused ? 400 : 200);
    }
  });
});
