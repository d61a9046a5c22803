/** What a reader of one namespace gets, on every path: their own traffic whole, the other end of it opaque, no more. */
import { once } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GetFlowsResponse, HubbleFlow } from '../../wire/hubble.ts';
import type { L7Table } from '../../wire/l7-table.ts';
import type { PolicyList } from '../../wire/policies.ts';
import type { ServiceMap } from '../../wire/service-map.ts';
import { type RunningHub, startHub } from '../hub.ts';
import { GrpcClient } from '../testing/grpc-client.ts';
import { FakeAgent, LiveClient } from '../testing/hub-bed.ts';
import { bearer, TokenReaders } from './testing/token-readers.ts';
import { ALL_PORTS, HIDDEN_FILTERS, OPAQUE_PORTS, SECRETS, SHOP_PORTS, tellOfTeams } from './testing/two-teams.ts';

type Who = keyof TokenReaders['tokens'];

const readers = new TokenReaders();
const LOG = pino({ level: 'silent' });
let hub: RunningHub;
let agent: FakeAgent;

beforeAll(async () => {
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 4 * 1024 * 1024,
    version: '0.1.0',
    history: null,
    grpc: { host: '127.0.0.1', port: 0 },
    log: LOG,
    uiFolder: '/nonexistent',
    access: () => readers.options(LOG),
  });
  agent = new FakeAgent(hub, { headers: bearer(readers.agentToken) });
  await tellOfTeams(agent);
});
afterAll(async () => {
  await hub.close();
  readers[Symbol.dispose]();
});

async function get(who: Who, path: string): Promise<Response> {
  return fetch(`${hub.url}${path}`, { headers: bearer(readers.tokens[who]) });
}

async function text(who: Who, path: string): Promise<string> {
  const response = await get(who, path);
  expect(response.status).toBe(200);
  return response.text();
}

async function flows(who: Who, query = 'last=100'): Promise<HubbleFlow[]> {
  const lines = (await text(who, `/api/v1/flows?${query}`)).split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => (JSON.parse(line) as GetFlowsResponse).flow ?? []);
}

/** Source ports of packets, by which the flows are known. */
function ports(found: readonly HubbleFlow[]): number[] {
  return found.flatMap((it) => (it.Type === 'L7' ? [] : (it.l4?.TCP?.source_port ?? []))).toSorted((a, b) => a - b);
}

function grpc(who: Who): GrpcClient {
  return new GrpcClient(hub.grpcAddress ?? '', undefined, {}, bearerMetadata(readers.tokens[who]));
}

function bearerMetadata(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

describe('flows', () => {
  it('are those with an end in a visible namespace', async () => {
    expect(ports(await flows('all'))).toEqual(ALL_PORTS);
    expect(ports(await flows('shop'))).toEqual(SHOP_PORTS);
    expect(await flows('empty')).toEqual([]);
  });

  it('have nothing of an end that is hidden', async () => {
    const [found] = ((await flows('shop', 'last=100&port=2')) as [HubbleFlow]) ?? [];
    expect(found).toMatchObject({
      source: { pod_name: 'web-1', namespace: 'shop' },
      destination: {},
      IP: { source: '10.1.0.16', destination: '' },
      egress_allowed_by: [{ name: 'web-out' }],
      extensions: { value: { spyglass: { hidden: 'destination', service_id: 0, backend_id: 0, original: null } } },
    });
    expect(found.destination).toEqual({});
    for (const key of ['destination_service', 'ingress_allowed_by', 'interface']) expect(found).not.toHaveProperty(key);
  });

  it('say which end is hidden, and only where one is', async () => {
    const hidden = (await flows('shop')).filter((it) => it.extensions?.value.spyglass.hidden !== undefined);
    expect(ports(hidden)).toEqual(OPAQUE_PORTS);
    expect((await flows('all')).some((it) => it.extensions?.value.spyglass.hidden !== undefined)).toBe(false);
  });

  it('are as they were where both ends may be known', async () => {
    const [all] = await flows('all', 'last=100&from-port=1');
    expect(await flows('shop', 'last=100&from-port=1')).toEqual([all]);
  });

  it('are the only ones to go on behind', async () => {
    const uuids = new Map((await flows('all')).map((it) => [it.l4?.TCP?.source_port, it.uuid]));
    expect(ports(await flows('shop', `first=2&cursor=${uuids.get(3)}`))).toEqual([6, 8]);
    const hidden = await get('shop', `/api/v1/flows?first=2&cursor=${uuids.get(4)}`);
    const nobodys = await get('shop', `/api/v1/flows?first=2&cursor=${uuids.get(4)?.replace(/..$/, 'ff')}`);
    expect([hidden.status, nobodys.status]).toEqual([410, 410]);
    expect(await hidden.text()).toBe(await nobodys.text());
  });

  it('count only what is visible for limits', async () => {
    expect(ports(await flows('shop', 'first=3'))).toEqual(SHOP_PORTS.slice(0, 3));
    expect(await flows('shop', 'last=3')).toHaveLength(3);
  });
});

describe('filters', () => {
  it.each(HIDDEN_FILTERS)('%s=%s finds something for who may see it, and nothing for others', async (name, value) => {
    const query = `last=100&${name}=${encodeURIComponent(value)}`;
    expect((await flows('all', query)).length).toBeGreaterThan(0);
    expect(await flows('shop', query)).toEqual([]);
    for (const end of ['from', 'to']) expect(await flows('shop', query.replace(name, `${end}-${name}`))).toEqual([]);
  });

  it.each(HIDDEN_FILTERS)('not.%s=%s leaves out nothing', async (name, value) => {
    const query = `last=100&not.${name}=${encodeURIComponent(value)}`;
    expect((await flows('all', query)).length).toBeLessThan(ALL_PORTS.length + 1);
    expect(ports(await flows('shop', query))).toEqual(SHOP_PORTS);
  });

  it.each(['workload', 'service', 'pod', 'namespace'])('of the map tell nothing, grouped by %s', async (group) => {
    const map = async (query: string): Promise<ServiceMap> =>
      JSON.parse(await text('shop', `/api/v1/service-map?group=${group}&since=30s${query}`)) as ServiceMap;
    const { edges } = await map('');
    expect(edges.length).toBeGreaterThan(2);
    for (const filter of ['namespace=bank', 'pod=/vault', 'workload=vault', 'identity=77018']) {
      expect((await map(`&${filter}`)).edges).toEqual([]);
      expect((await map(`&not.${filter}`)).edges.map(({ id }) => id)).toEqual(edges.map(({ id }) => id));
    }
  });
});

const PATHS = [
  '/api/v1/flows?last=100',
  '/api/v1/flows?last=100&format=json',
  '/api/v1/flows?last=100&format=csv',
  ...['workload', 'service', 'pod', 'namespace'].flatMap((group) => [
    `/api/v1/service-map?since=30s&group=${group}`,
    `/api/v1/l7?since=30s&group=${group}`,
  ]),
  '/api/v1/policies',
  '/api/v1/namespaces',
  '/api/v1/nodes',
];

describe('nothing hidden is told by', () => {
  it.each(PATHS)('%s', async (path) => {
    expect(await text('all', path)).toMatch(SECRETS);
    expect(await text('shop', path)).not.toMatch(SECRETS);
  });

  it('the policy of another namespace', async () => {
    expect((await get('all', '/api/v1/policies/bank/vault-in')).status).toBe(200);
    for (const name of ['vault-in', 'no-such']) {
      expect((await get('shop', `/api/v1/policies/bank/${name}`)).status).toBe(404);
    }
  });

  it.each(['shop', 'all'] as const)('the live stream, for %s', async (who) => {
    const page = new LiveClient(hub, bearer(readers.tokens[who]));
    await page.subscribe({
      flows: { last: 100, max_rate: 100 },
      map: { group: 'pod', window_s: 60 },
      l7: { group: 'pod', window_s: 60 },
      timeline: { window_s: 60, bucket_s: 1 },
    });
    const flowsMessage = await page.next('flows');
    const messages = [flowsMessage, await page.next('map'), await page.next('l7')];
    await page.next('status');
    // The first tick after the subscription has counted what was stored.
    const { timeline, status } = { timeline: await nextSecond(page), status: await page.next('status') };
    const { rows, matched } = flowsMessage;
    const expected = who === 'shop' ? SHOP_PORTS : ALL_PORTS;
    expect(ports(rows.map(({ flow }) => flow))).toEqual(expected);
    // One message more, of the exchange.
    expect(matched).toBe(expected.length + 1);
    expect(timeline.buckets.reduce((sum, { flows: count }) => sum + count, 0)).toBe(expected.length + 1);
    const all = JSON.stringify([...messages, timeline, status]);
    if (who === 'all') expect(all).toMatch(SECRETS);
    else expect(all).not.toMatch(SECRETS);
    page.socket.terminate();
    await once(page.socket, 'close');
  });

  async function nextSecond(page: LiveClient): ReturnType<typeof page.next<'timeline'>> {
    await page.next('timeline');
    await page.next('timeline');
    return page.next('timeline');
  }

  it.each(['shop', 'all'] as const)('the Hubble API, for %s', async (who) => {
    const client = grpc(who);
    const found = await client.all({ number: 100 });
    expect(ports(found.flatMap(({ flow }) => flow ?? []))).toEqual(who === 'shop' ? SHOP_PORTS : ALL_PORTS);
    const status = await client.unary('ServerStatus', {}, 'observer.ServerStatusResponse');
    const answers = [
      found,
      status,
      await client.unary('GetNamespaces', {}, 'observer.GetNamespacesResponse'),
      await client.unary('GetNodes', {}, 'observer.GetNodesResponse'),
    ];
    if (who === 'all') expect(JSON.stringify(answers)).toMatch(SECRETS);
    else expect(JSON.stringify(answers)).not.toMatch(SECRETS);
    expect(status).toHaveProperty('max_flows');
    expect('num_flows' in status).toBe(who === 'all');
    for (const filter of [
      { source_pod: ['bank/'] },
      { destination_ip: ['10.1.0.18'] },
      { source_identity: [77_019] },
    ]) {
      expect(await client.ports({ number: 100, whitelist: [filter] })).toEqual(
        who === 'all' ? expect.arrayContaining([expect.any(Number)]) : [],
      );
      const kept = await client.all({ number: 100, blacklist: [filter] });
      if (who === 'shop') expect(ports(kept.flatMap(({ flow }) => flow ?? []))).toEqual(SHOP_PORTS);
    }
    client.close();
  });

  it('followers, of what comes', async () => {
    const gone = new AbortController();
    const response = await fetch(`${hub.url}/api/v1/flows?follow=true&last=0`, {
      headers: bearer(readers.tokens.shop),
      signal: gone.signal,
    });
    const { teamFlows } = await import('./testing/two-teams.ts');
    await agent.deliver(teamFlows().slice(0, 5));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let read = '';
    while (read.split('\n').length <= 3) read += (await reader?.read())?.value ?? '';
    expect(read).not.toMatch(SECRETS);
    expect(
      ports(
        read
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { flow: HubbleFlow }).flow),
      ),
    ).toEqual([1, 2, 3]);
    gone.abort();
  });
});

describe('what is counted', () => {
  it('stands at one node for all that is hidden', async () => {
    const map = JSON.parse(await text('shop', '/api/v1/service-map?since=30s')) as ServiceMap;
    expect(map.nodes.map(({ id }) => id).toSorted()).toEqual([
      'hidden',
      'shop/Deployment/cart',
      'shop/Deployment/web',
      'world/203.0.113.7',
    ]);
    const edges = map.edges.map(({ source, target, verdicts, service }) => [source, target, verdicts, service?.name]);
    expect(edges).toContainEqual(['shop/Deployment/web', 'hidden', { FORWARDED: 8, DROPPED: 8 }, undefined]);
    expect(edges).toContainEqual(['hidden', 'shop/Deployment/cart', { FORWARDED: 8 }, 'cart']);
    expect(edges).toHaveLength(4);
    expect(map.nodes.find(({ id }) => id === 'hidden')).toMatchObject({ kind: 'Hidden', pods: 0, addresses: [] });
  });

  it('is of routes the same', async () => {
    const { rows } = JSON.parse(await text('shop', '/api/v1/l7?since=30s')) as L7Table;
    expect(rows.map(({ source, target, requests }) => `${source}>${target} ${requests}`).toSorted()).toEqual([
      'hidden>shop/Deployment/cart 4',
      'shop/Deployment/web>hidden 4',
      'shop/Deployment/web>shop/Deployment/cart 4',
      'shop/Deployment/web>world/203.0.113.7 4',
    ]);
  });

  it('is no total of all namespaces', async () => {
    expect(JSON.parse(await text('shop', '/api/v1/status'))).toMatchObject({ flows: null, drops_rate: null });
    const { nodes } = JSON.parse(await text('shop', '/api/v1/nodes')) as { nodes: unknown[] };
    expect(nodes).toMatchObject(
      [
        { name: 'node-a', connected: true, flows: null, flows_rate: null, pods: 2, maps: null, problem: /not in step/ },
      ].map((it) => ({ ...it, problem: expect.stringMatching(it.problem) as string })),
    );
    const policies = JSON.parse(await text('shop', '/api/v1/policies')) as PolicyList;
    expect(policies.policies.map(({ name }) => name)).toEqual(['web-out']);
    expect(policies.problems).toEqual([]);
  });
});
