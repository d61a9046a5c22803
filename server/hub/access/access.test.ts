/** Who gets in where: every path, in every mode, for everybody; logins, limits, and what becomes of open streams. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Metadata, status as code } from '@grpc/grpc-js';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningHub, startHub } from '../hub.ts';
import { TestCertificate } from '../testing/certificate.ts';
import { endOf, GrpcClient } from '../testing/grpc-client.ts';
import { FakeAgent, LiveClient } from '../testing/hub-bed.ts';
import { type AccessOptions, type AuthMode, RECHECK_MS } from './access.ts';
import { agentsOfCluster, readersOfCluster } from './accounts.ts';
import { type ReviewApis, Reviews } from './reviews.ts';
import { ApiServer } from './testing/api-server.ts';
import { bearer, TokenReaders } from './testing/token-readers.ts';

const LOG = pino({ level: 'silent' });
const tokens = new TokenReaders();
const certificate = new TestCertificate();
const apiServer = new ApiServer(certificate);
let apis: ReviewApis;
let hub: RunningHub | null = null;

beforeAll(async () => {
  apis = await apiServer.start(certificate);
  apiServer.users.set(tokens.tokens.all, { username: 'all', namespaces: ['*'] });
  apiServer.users.set(tokens.tokens.shop, { username: 'shop', namespaces: ['shop'] });
  const agent = 'system:serviceaccount:spyglass:spyglass-agent';
  apiServer.users.set(tokens.agentToken, { username: agent, audiences: ['hub'], namespaces: [] });
});
afterEach(async () => {
  await hub?.close();
  hub = null;
  tokens.write(['all', 'shop', 'empty']);
  tokens.writeAgents(['node-a']);
});
afterAll(async () => {
  await apiServer.stop();
  certificate[Symbol.dispose]();
  tokens[Symbol.dispose]();
});

function accessOf(mode: AuthMode, state: RunningHub['state']): AccessOptions {
  if (mode === 'none') return { mode, readers: null, agents: null };
  if (mode === 'token') return tokens.options(LOG);
  const reviews = new Reviews(apis);
  const agents = agentsOfCluster(reviews, 'hub', 'spyglass/spyglass-agent');
  return { mode, readers: readersOfCluster(reviews, () => state.namespaces), agents };
}

async function start(mode: AuthMode, more: { allowedHosts?: string[] } = {}): Promise<RunningHub> {
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 1024 * 1024,
    version: '0.1.0',
    history: null,
    grpc: { host: '127.0.0.1', port: 0 },
    log: LOG,
    uiFolder: '/nonexistent',
    access: (state) => accessOf(mode, state),
    ...more,
  });
  return hub;
}

const NOBODY = {};
const WRONG = bearer('spyglass_wrong');
const SHOP = bearer(tokens.tokens.shop);
const ALL = bearer(tokens.tokens.all);
const AGENT = bearer(tokens.agentToken);

/** What nobody, a wrong token, an agent's, one of some namespaces and one of all get where tokens are asked for. */
const TABLE: readonly (readonly [path: string, answers: readonly number[]])[] = [
  ['/api/v1/flows', [401, 401, 401, 200, 200]],
  ['/api/v1/flows/', [401, 401, 401, 200, 200]],
  ['/API/v1/flows', [401, 401, 401, 403, 200]],
  ['/api/v1/service-map', [401, 401, 401, 200, 200]],
  ['/api/v1/l7', [401, 401, 401, 200, 200]],
  ['/api/v1/policies', [401, 401, 401, 200, 200]],
  ['/api/v1/policies/shop/none', [401, 401, 401, 404, 404]],
  ['/api/v1/status', [401, 401, 401, 200, 200]],
  ['/api/v1/nodes', [401, 401, 401, 200, 200]],
  ['/api/v1/namespaces', [401, 401, 401, 200, 200]],
  ['/api/v1/whoami', [401, 401, 401, 200, 200]],
  ['/api/v1/datapath', [401, 401, 401, 403, 200]],
  ['/api/v1/exports', [401, 401, 401, 403, 200]],
  ['/api/v1/no-such', [401, 401, 401, 403, 404]],
  ['/api/v1/agents', [401, 401, 401, 403, 426]],
  ['/metrics', [401, 401, 401, 403, 200]],
  ['/healthz', [200, 200, 200, 200, 200]],
  ['/readyz', [200, 200, 200, 200, 200]],
  ['/api/v1/login', [405, 405, 405, 405, 405]],
];
const WHO = [NOBODY, WRONG, AGENT, SHOP, ALL];

describe.each<AuthMode>(['token', 'kubernetes'])('with --auth %s', (mode) => {
  it.each(TABLE)('GET %s answers %j', async (path, answers) => {
    const { url } = await start(mode);
    const found: number[] = [];
    for (const headers of WHO) found.push((await fetch(url + path, { headers })).status);
    expect(found).toEqual(answers);
  });

  it.each([
    ['/api/v1/live', [401, 401, 401, 101, 101]],
    ['/api/v1/stream', [401, 401, 401, 403, 101]],
    ['/api/v1/agents', [401, 401, 101, 401, 401]],
    ['/api/v1/no-such', [404, 404, 404, 404, 404]],
  ])('the WebSocket %s answers %j', async (path, answers) => {
    const { url } = await start(mode);
    const found: number[] = [];
    for (const headers of WHO) found.push(await upgrade(url, path, headers));
    expect(found).toEqual(answers);
  });

  it('the Hubble API asks, too, but for health', async () => {
    const { grpcAddress } = await start(mode);
    for (const [headers, answer] of [
      [NOBODY, code.UNAUTHENTICATED],
      [WRONG, code.UNAUTHENTICATED],
      [AGENT, code.UNAUTHENTICATED],
      [SHOP, code.OK],
      [ALL, code.OK],
    ] as const) {
      const client = grpc(grpcAddress ?? '', headers);
      expect((await endOf(client.stream({}))).code).toBe(answer);
      for (const method of ['GetNodes', 'GetNamespaces', 'ServerStatus']) {
        const ended = client.unary(method, {}, `observer.${method}Response`);
        expect(
          await ended.then(
            () => code.OK,
            (error: { code: number }) => error.code,
          ),
        ).toBe(answer);
      }
      expect(await client.health('')).toEqual({ status: 1 });
      client.close();
    }
  });
});

it('with --auth none everybody on this machine reads everything, whatever they send', async () => {
  const { url, grpcAddress } = await start('none');
  for (const [path, answers] of TABLE) {
    for (const headers of WHO) expect((await fetch(url + path, { headers })).status).toBe(answers[4]);
  }
  expect(await upgrade(url, '/api/v1/live', NOBODY)).toBe(101);
  expect(await upgrade(url, '/api/v1/agents', NOBODY)).toBe(101);
  const client = grpc(grpcAddress ?? '', NOBODY);
  expect((await endOf(client.stream({}))).code).toBe(code.OK);
  client.close();
  const login = await post(url, '/api/v1/login', { token: 'x' });
  expect(login.status).toBe(400);
});

it('the password of basic authentication is a token, too', async () => {
  const { url } = await start('token');
  const basic = (password: string): HeadersInit => ({
    Authorization: `Basic ${Buffer.from(`any:${password}`).toString('base64')}`,
  });
  expect((await fetch(`${url}/api/v1/flows`, { headers: basic(tokens.tokens.shop) })).status).toBe(200);
  expect((await fetch(`${url}/api/v1/flows`, { headers: basic('x') })).status).toBe(401);
});

describe('logins', () => {
  it('give a page a cookie that scripts cannot read and other sites cannot use', async () => {
    const { url } = await start('token');
    const answer = await post(url, '/api/v1/login', { token: tokens.tokens.shop });
    expect(await answer.json()).toEqual({ auth: 'token', name: 'shop', namespaces: ['shop'] });
    const set = answer.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^spyglass_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(tokens.tokens.shop);
    const cookie = { Cookie: set.split(';', 1)[0] ?? '' };
    expect((await fetch(`${url}/api/v1/flows`, { headers: cookie })).status).toBe(200);
    expect((await fetch(`${url}/metrics`, { headers: cookie })).status).toBe(403);
    expect(await upgrade(url, '/api/v1/live', cookie)).toBe(101);
    expect(await upgrade(url, '/api/v1/agents', cookie)).toBe(401);
    // A wrong token is not made good by a cookie.
    expect((await fetch(`${url}/api/v1/flows`, { headers: { ...cookie, ...WRONG } })).status).toBe(401);
    const out = await fetch(`${url}/api/v1/logout`, { method: 'POST', headers: cookie });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringMatching(/Max-Age=0/)]);
    expect((await fetch(`${url}/api/v1/flows`, { headers: cookie })).status).toBe(401);
  });

  it('are for secure connections only where the page is on one', async () => {
    const { url } = await start('token', { allowedHosts: ['spyglass.example'] });
    const { status, headers } = await raw(url, '/api/v1/login', {
      Host: 'spyglass.example',
      Origin: 'https://spyglass.example',
      body: JSON.stringify({ token: tokens.tokens.shop }),
    });
    expect([status, headers]).toEqual([200, expect.stringMatching(/SameSite=Strict; Secure/)]);
  });

  it('end with their token', async () => {
    const { url } = await start('token');
    const answer = await post(url, '/api/v1/login', { token: tokens.tokens.shop });
    const cookie = { Cookie: (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '' };
    expect((await fetch(`${url}/api/v1/whoami`, { headers: cookie })).status).toBe(200);
    tokens.write(['all']);
    await expect
      .poll(async () => (await fetch(`${url}/api/v1/whoami`, { headers: cookie })).status, { timeout: 3000 })
      .toBe(401);
  });

  it('from another site are refused', async () => {
    const { url } = await start('token');
    const { status } = await raw(url, '/api/v1/login', {
      Host: new URL(url).host,
      Origin: 'http://evil.example',
      body: JSON.stringify({ token: tokens.tokens.shop }),
    });
    expect(status).toBe(403);
  });

  it.each([
    ['no JSON', '{', 400],
    ['no token', '{"tokn":"x"}', 400],
    ['a token that is no text', '{"token":{"x":1}}', 400],
    ['a body without end', JSON.stringify({ token: 'x'.repeat(30_000) }), 413],
    ['a wrong token', '{"token":"x"}', 401],
  ])('with %s are refused', async (_name, body, status) => {
    const { url } = await start('token');
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${url}/api/v1/login`, { method: 'POST', headers, body });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/problem\+json/);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });
});

describe('limits', () => {
  it('bound the wrong tokens of an address, but not those who were let in from there', async () => {
    const { url } = await start('token');
    const ask = async (headers: HeadersInit): Promise<number> =>
      (await fetch(`${url}/api/v1/whoami`, { headers })).status;
    expect(await ask(SHOP)).toBe(200);
    const answers: number[] = [];
    for (let i = 0; i < 12; i++) answers.push(await ask(bearer(`wrong-${i}`)));
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
    // Also where the right one would be found by trying.
    expect(await ask(ALL)).toBe(429);
    expect(await ask(SHOP)).toBe(200);
    const refused = await fetch(`${url}/api/v1/whoami`, { headers: WRONG });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('bound the requests of a reader, and of no other', async () => {
    const { url } = await start('token');
    const many = await Promise.all(
      Array.from({ length: 600 }, async () => (await fetch(`${url}/api/v1/whoami`, { headers: SHOP })).status),
    );
    expect(new Set(many)).toEqual(new Set([200, 429]));
    expect((await fetch(`${url}/api/v1/whoami`, { headers: ALL })).status).toBe(200);
  });
});

it('a revoked token ends all that is open with it, and nothing else', async () => {
  const { url, grpcAddress } = await start('token');
  const follower = await fetch(`${url}/api/v1/flows?follow=true`, { headers: SHOP });
  const followed = follower.text().then(
    () => 'ended',
    () => 'broken off',
  );
  const other = new LiveClient({ url }, ALL);
  const page = new LiveClient({ url }, SHOP);
  const client = grpc(grpcAddress ?? '', SHOP);
  const stream = endOf(client.stream({ follow: true }));
  const agent = await new FakeAgent({ url }, { headers: AGENT }).start();
  await page.next('status');
  await other.next('status');
  const closed = once(page.socket, 'close') as Promise<[number, Buffer]>;
  const agentClosed = agent.closed();
  tokens.write(['all', 'empty']);
  tokens.writeAgents([]);
  const began = Date.now();
  expect((await closed).map(String)).toEqual(['4003', 'the token is not good any more']);
  expect(await followed).toBe('broken off');
  expect(await stream).toMatchObject({
    code: code.UNAUTHENTICATED,
    details: 'The stream ends: the token is not good any more.',
  });
  expect(await agentClosed).toEqual({ code: 4003, reason: 'the token is not good any more' });
  expect(Date.now() - began).toBeLessThan(RECHECK_MS + 2000);
  expect(other.socket.readyState).toBe(other.socket.OPEN);
  client.close();
});

async function upgrade(url: string, path: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
  return new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('error', ({ message }) => resolve(Number(/\d{3}$/.exec(message)?.[0])));
  });
}

function grpc(address: string, headers: Record<string, string>): GrpcClient {
  const metadata = new Metadata();
  if (headers['Authorization'] !== undefined) metadata.set('authorization', headers['Authorization']);
  return new GrpcClient(address, undefined, {}, metadata);
}

function post(url: string, path: string, body: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** With a Host of the test's own, which fetch does not allow; gives the status and the cookie that is set. */
async function raw(
  url: string,
  path: string,
  { body, ...headers }: Record<string, string>,
): Promise<{ status: number; headers: string }> {
  const asked = request(url + path, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' } });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  return { status: answer.statusCode ?? 0, headers: String(answer.headers['set-cookie']) };
}
