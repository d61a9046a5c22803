/** `--auth kubernetes`, against an API server that speaks real JSON over TLS and says what a test wants. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WhoAmI } from '../../wire/access.ts';
import { type RunningHub, startHub } from '../hub.ts';
import { TestCertificate } from '../testing/certificate.ts';
import { FakeAgent, flow, LiveClient } from '../testing/hub-bed.ts';
import { Access, RECHECK_MS } from './access.ts';
import { agentsOfCluster, type FindReader, readersOfCluster } from './accounts.ts';
import { REVIEW_LIFE_MS, type ReviewApis, Reviews } from './reviews.ts';
import { ApiServer } from './testing/api-server.ts';
import { bearer } from './testing/token-readers.ts';
import { TEAMS } from './testing/two-teams.ts';
import { Visibility } from './visibility.ts';

const AUDIENCE = 'spyglass-hub';
const certificate = new TestCertificate();
let server: ApiServer;
let apis: ReviewApis;
let hub: RunningHub;
const logged: string[] = [];

beforeAll(async () => {
  server = new ApiServer(certificate);
  apis = await server.start(certificate);
});
afterAll(async () => {
  await server.stop();
  certificate[Symbol.dispose]();
});
beforeEach(async () => {
  server.users.clear();
  server.asked.length = 0;
  server.failure = null;
  logged.length = 0;
  server.users.set('t-admin', { username: 'ada', namespaces: ['*'] });
  server.users.set('t-shop', { username: 'sam', groups: ['shop-team'], namespaces: ['shop'] });
  server.users.set('t-agent', agentUser('spyglass-agent', 'node-a'));
  const reviews = new Reviews(apis);
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 1024 * 1024,
    version: '0.1.0',
    history: null,
    grpc: null,
    log: pino({ level: 'info' }, { write: (line) => void logged.push(line) }),
    uiFolder: '/nonexistent',
    access: (state) => ({
      mode: 'kubernetes',
      readers: readersOfCluster(reviews, () => state.namespaces),
      agents: agentsOfCluster(reviews, AUDIENCE, 'spyglass/spyglass-agent'),
    }),
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await hub.close();
});

function agentUser(name: string, node?: string): Parameters<typeof server.users.set>[1] {
  return {
    username: `system:serviceaccount:spyglass:${name}`,
    audiences: [AUDIENCE],
    namespaces: [],
    ...(node !== undefined && { extra: { 'authentication.kubernetes.io/node-name': [node] } }),
  };
}

async function agent(token = 't-agent', node = 'node-a'): Promise<FakeAgent> {
  return new FakeAgent(hub, { headers: bearer(token) }).start({ node }, TEAMS);
}

function get(token: string, path = '/api/v1/whoami'): Promise<Response> {
  return fetch(`${hub.url}${path}`, { headers: bearer(token) });
}

describe('readers', () => {
  it('see what their roles say: all, or single namespaces', async () => {
    const speaking = await agent();
    await speaking.deliver([flow({ source_endpoint: 18, destination_endpoint: 19 }), flow()]);
    expect(await (await get('t-admin')).json()).toEqual({
      auth: 'kubernetes',
      name: 'ada',
      namespaces: null,
    } satisfies WhoAmI);
    expect(await (await get('t-shop')).json()).toEqual({
      auth: 'kubernetes',
      name: 'sam',
      namespaces: ['shop'],
    } satisfies WhoAmI);
    const lines = async (token: string): Promise<number> =>
      (await (await get(token, '/api/v1/flows?last=9')).text()).trim().split('\n').length;
    expect(await lines('t-admin')).toBe(2);
    expect(await lines('t-shop')).toBe(1);
    expect((await get('t-shop', '/metrics')).status).toBe(403);
    expect((await get('t-admin', '/metrics')).status).toBe(200);
  });

  it('are asked about for the cluster first, then for each namespace, and not again for a while', async () => {
    await agent();
    server.asked.length = 0;
    await get('t-shop');
    expect(server.asked[0]).toBe('tokenreviews');
    expect(server.asked[1]).toBe('subjectaccessreviews');
    expect(server.asked.slice(2).toSorted()).toEqual(['subjectaccessreviews bank', 'subjectaccessreviews shop']);
    await get('t-shop');
    await get('t-shop', '/api/v1/flows');
    expect(server.asked).toHaveLength(4);
    await get('t-admin');
    expect(server.asked).toHaveLength(6);
  });

  it.each(['t-nobody', 't-agent', ''])('%j is nobody', async (token) => {
    expect((await get(token)).status).toBe(401);
  });

  it('are not let in while the API server fails, and the log says why without the token', async () => {
    server.failure = 500;
    const response = await get('t-admin');
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/cannot check the token now/);
    expect(logged.join('')).toMatch(/tokens cannot be checked: it answered 500/);
    expect(logged.join('')).not.toMatch(/t-admin|the-hub-itself/);
    server.failure = null;
    expect((await get('t-admin')).status).toBe(200);
  });

  it('are not let in while the API server is silent', async () => {
    server.failure = 'hang';
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const reviews = new Reviews(apis);
    const asked = reviews.user('t-admin', null).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(6000);
    expect(await asked).toMatchObject({ name: 'ReviewError', message: 'no answer in 5 s' });
  });

  it('wait for a turn no longer than for an answer', async () => {
    server.failure = 'hang';
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const reviews = new Reviews(apis);
    const asked = Array.from({ length: 40 }, (_, i) => reviews.user(`t-${i}`, null).catch((error: unknown) => error));
    await vi.advanceTimersByTimeAsync(6000);
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ message: 'no answer in 5 s' });
    server.failure = null;
    vi.useRealTimers();
    expect(await reviews.user('t-admin', null)).toMatchObject({ username: 'ada' });
  });

  it('of many namespaces get in at the first time', async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `team-${i}`);
    let most = 0;
    let now = 0;
    const answer = <Spec, Status>(spec: Spec, status: Status): Promise<{ spec: Spec; status: Status }> => {
      most = Math.max(most, ++now);
      return Promise.resolve({ spec, status }).finally(() => (now -= 1));
    };
    const reviews = new Reviews({
      authentication: {
        createTokenReview: ({ body: { spec } }) => answer(spec, { authenticated: true, user: { username: 'sam' } }),
      },
      authorization: {
        createSubjectAccessReview: ({ body: { spec } }) =>
          answer(spec, { allowed: spec.resourceAttributes?.namespace?.endsWith('7') === true }),
      },
    });
    const find = readersOfCluster(reviews, () => names);
    expect((await find('t-sam'))?.visibility.namespaces?.size).toBe(250);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('of one address cannot take all turns with tokens that nobody knows', async () => {
    server.failure = 'hang';
    const gone = new AbortController();
    const answers: number[] = [];
    const tries = Array.from({ length: 100 }, async (_, i) => {
      const asked = fetch(`${hub.url}/api/v1/whoami`, { headers: bearer(`guess-${i}`), signal: gone.signal });
      await asked.then(({ status }) => answers.push(status)).catch(() => undefined);
    });
    // The other 64 wait for the API server.
    await vi.waitFor(() => expect(answers).toHaveLength(36), 4000);
    expect(new Set(answers)).toEqual(new Set([429]));
    gone.abort();
    await Promise.all(tries);
  });

  it('are asked about again after a while, and closed out if no answer comes then', async () => {
    const start = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: start });
    const find = readersOfCluster(new Reviews(apis), () => ['shop', 'bank']);
    expect((await find('t-shop'))?.visibility.key).toBe('shop');
    server.users.set('t-shop', { username: 'sam', namespaces: ['bank'] });
    expect((await find('t-shop'))?.visibility.key).toBe('shop');
    vi.setSystemTime(start + REVIEW_LIFE_MS + 1);
    expect((await find('t-shop'))?.visibility.key).toBe('bank');
    server.users.delete('t-shop');
    vi.setSystemTime(start + 2 * REVIEW_LIFE_MS + 2);
    expect(await find('t-shop')).toBeNull();
    server.failure = 503;
    vi.setSystemTime(start + 3 * REVIEW_LIFE_MS + 3);
    await expect(find('t-shop')).rejects.toThrow('it answered 503');
  });
});

it('an answer that does not come for one stream keeps no other open', async () => {
  const known = new Set(['slow', 'fast']);
  let isSlow = false;
  const find: FindReader = (token) => {
    if (isSlow && token === 'slow') return new Promise(() => undefined);
    return Promise.resolve(known.has(token) ? { name: token, visibility: Visibility.ALL } : null);
  };
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const access = new Access({ mode: 'kubernetes', agents: null, readers: find }, pino({ level: 'silent' }));
  const ended: string[] = [];
  for (const token of known) access.watch(await access.admit({ token }, '192.0.2.1'), () => ended.push(token));
  isSlow = true;
  await vi.advanceTimersByTimeAsync(RECHECK_MS);
  expect(ended).toEqual([]);
  known.delete('fast');
  await vi.advanceTimersByTimeAsync(RECHECK_MS);
  expect(ended).toEqual(['fast']);
  access.stop();
});

describe('agents', () => {
  it('speak for the node that their token is bound to, and for no other', async () => {
    await agent();
    const other = new FakeAgent(hub, { headers: bearer('t-agent') });
    other.hello({ node: 'node-b' }).catch(() => undefined);
    expect(await other.closed()).toEqual({ code: 1002, reason: "The agent's token is not for node node-b." });
    expect([...hub.state.nodes.keys()]).toEqual(['node-a']);
  });

  it('speak for any node if their token is bound to none', async () => {
    server.users.set('t-free', agentUser('spyglass-agent'));
    await agent('t-free', 'node-c');
    expect([...hub.state.nodes.keys()]).toEqual(['node-c']);
  });

  it.each([
    ['another service account', 't-other'],
    ['a token for another audience', 't-reader'],
    ['no token that is known', 't-nobody'],
  ])('%s is none', async (_name, token) => {
    server.users.set('t-other', agentUser('intruder'));
    server.users.set('t-reader', { username: 'system:serviceaccount:spyglass:spyglass-agent', namespaces: ['*'] });
    const refused = new FakeAgent(hub, { headers: bearer(token) });
    const [error] = (await new Promise((resolve) => refused.socket.once('error', (it) => resolve([it])))) as [Error];
    expect(error.message).toMatch(/401/);
    const page = new LiveClient(hub, bearer('t-agent'));
    expect(await new Promise((resolve) => page.socket.once('error', (it) => resolve(it.message)))).toMatch(/401/);
  });
});
