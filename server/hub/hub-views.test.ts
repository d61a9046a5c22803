/** The hub as pages and operators meet it: service map, live stream, probes, metrics, life and end. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceMap } from '../wire/service-map.ts';
import { pino } from 'pino';
import { startHub } from './hub.ts';
import { KIND } from '../wire/agent.ts';
import type { NodeStatus } from '../wire/status.ts';
import { describe, expect, it } from 'vitest';
import { edgeCounters, kernelCounters } from './testing/counter-fixtures.ts';
import { DROP, FakeAgent, flow, HubBed, LiveClient } from './testing/hub-bed.ts';

const bed = new HubBed();

describe('GET /api/v1/service-map', () => {
  it('shows what the kernels counted', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.counters, kernelCounters([edgeCounters(4)]));
    agent.send(
      KIND.counters,
      kernelCounters([edgeCounters(10), edgeCounters(2, { slot: 2, verdict: 2, drop_reason: 158 })], {
        drops: { 158: 2 },
      }),
    );
    await agent.deliver([flow()]);
    const map = (await (await bed.get('/api/v1/service-map?since=30s')).json()) as ServiceMap;
    expect(map.nodes.map((node) => node.id)).toEqual(['shop/Deployment/web', 'shop/Deployment/cart']);
    expect(map.edges).toMatchObject([{ packets: 10, verdicts: { FORWARDED: 20, DROPPED: 4 }, rtt: { count: 10 } }]);
    const filtered = await bed.get('/api/v1/service-map?verdict=DROPPED&group=pod');
    expect(((await filtered.json()) as ServiceMap).edges).toMatchObject([{ packets: 0, verdicts: { DROPPED: 4 } }]);
    const nodes = ((await (await bed.get('/api/v1/nodes')).json()) as { nodes: NodeStatus[] }).nodes;
    expect(nodes).toMatchObject([
      {
        name: 'node-a',
        connected: true,
        flows: 2,
        pods: 2,
        lost: { ring: 2, buffer: 1 },
        problem: 'The map is full.',
        maps: [{ name: 'flow_cache' }],
      },
    ]);
  });

  it.each(['group=team', 'since=20m', 'since=1s&until=5s', 'ip=10.0.0.1', 'pd=1'])('refuses %s', async (query) => {
    expect((await bed.get(`/api/v1/service-map?${query}`)).status).toBe(400);
  });
});

describe('WS /api/v1/live', () => {
  it('sends status, then flows with their history first', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow({ destination_port: 1 }), DROP]);
    const client = new LiveClient(bed.hub);
    expect(await client.next('status')).toMatchObject({ mode: 'live', nodes: [{ name: 'node-a', connected: true }] });
    await client.subscribe({ flows: { max_rate: 100, last: 5, filter: { namespace: ['shop'] } } });
    const first = await client.next('flows');
    expect(first.rows.map((row) => row.id)).toEqual([1, 2]);
    await agent.deliver([flow({ source_endpoint: 0, destination_endpoint: 0 }), flow({ destination_port: 7 })]);
    const second = await client.next('flows');
    expect(second).toMatchObject({ sampled: 1, matched: 1, rows: [{ id: 4 }] });
  });

  it('samples what is too much, and says so', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    const client = new LiveClient(bed.hub);
    await client.subscribe({ flows: { max_rate: 40, last: 0 } });
    expect((await client.next('flows')).rows).toEqual([]);
    await agent.deliver([...Array.from({ length: 1000 }, () => flow()), DROP]);
    const message = await client.next('flows');
    expect(message.matched).toBe(1001);
    expect(message.sampled).toBeGreaterThanOrEqual(100);
    expect(message.rows.length).toBeLessThanOrEqual(11);
    expect(message.rows.at(-1)?.flow.verdict).toBe('DROPPED');
  });

  it('sends map and timeline at once, and ends them', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.counters, kernelCounters([edgeCounters(4)]));
    await agent.deliver([flow()]);
    const client = new LiveClient(bed.hub);
    await client.subscribe({ map: { group: 'workload', window_s: 60 }, timeline: { window_s: 60, bucket_s: 1 } });
    expect((await client.next('map')).map.edges).toHaveLength(1);
    expect((await client.next('timeline')).buckets).toHaveLength(60);
    await client.next('map');
    await client.subscribe({ map: null });
    await delay(300);
    client.messages.length = 0;
    await client.next('timeline');
    await client.next('timeline');
    expect(client.messages.filter((message) => message.type === 'map')).toEqual([]);
  });

  it.each([
    ['not JSON', 'x', /not JSON/],
    [
      'an unknown filter',
      '{"type":"subscribe","flows":{"max_rate":1,"last":1,"filter":{"podd":["x"]}}}',
      /"podd".*"pod"/,
    ],
    ['a rate out of bounds', '{"type":"subscribe","flows":{"max_rate":1e9,"last":1}}', /flows.max_rate/],
    [
      'a flow filter for the map',
      '{"type":"subscribe","map":{"group":"pod","window_s":60,"filter":{"ip":["10.0.0.1"]}}}',
      /not possible for the map/,
    ],
  ])('answers %s with an error', async (_, text, detail) => {
    const client = new LiveClient(bed.hub);
    await once(client.socket, 'open');
    client.socket.send(text);
    expect((await client.next('error')).detail).toMatch(detail);
  });

  it('refuses pages of other origins', async () => {
    const client = new LiveClient(bed.hub, { Origin: 'http://evil.example' });
    const [error] = (await once(client.socket, 'error')) as [Error];
    expect(error.message).toContain('403');
  });
});

describe('the rest of HTTP', () => {
  it('healthz and readyz answer before any agent', async () => {
    expect(await (await bed.get('/healthz')).text()).toBe('ok\n');
    expect((await bed.get('/readyz')).status).toBe(200);
  });

  it('metrics carry the names of Hubble', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow(), flow(), DROP]);
    const text = await (await bed.get('/metrics')).text();
    expect(text).toContain(
      'hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-endpoint",verdict="FORWARDED"} 2',
    );
    expect(text).toContain('hubble_drop_total{reason="SERVICE_BACKEND_NOT_FOUND",protocol="TCP"} 1');
    expect(text).toContain('hubble_lost_events_total{source="perf_event_ring_buffer"} 0');
    expect(text).toContain('spyglass_hub_stored_flows 3');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it.each([
    ['GET', '/api/v1/nothing', 404],
    ['POST', '/api/v1/flows', 405],
    ['GET', '/api/v1/live', 426],
    ['GET', '/api/v1/status?x=1', 400],
    ['GET', '/%', 404],
  ])('%s %s: %i', async (method, path, expected) => {
    const response = await bed.get(path, { method });
    expect(response.status).toBe(expected);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    if (expected === 405) expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it('says how to get a UI that is not built', async () => {
    const response = await bed.get('/', { headers: { Accept: 'text/html' } });
    expect(response.status).toBe(503);
    expect(((await response.json()) as { detail: string }).detail).toContain('build:web');
  });

  it('refuses to listen beyond this machine, or on a taken port', async () => {
    const options = {
      port: 0,
      memory: 1024 * 1024,
      version: '0',
      grpc: null,
      history: null,
      log: pino({ level: 'silent' }),
    };
    await expect(startHub({ ...options, host: '0.0.0.0' })).rejects.toThrow(/only this machine/);
    const port = Number(new URL(bed.hub.url).port);
    await expect(startHub({ ...options, host: '127.0.0.1', port })).rejects.toThrow(/another process does/);
  });

  it('closes within two seconds, whoever is connected', async () => {
    const other = await startHub({
      history: null,
      host: 'localhost',
      port: 0,
      memory: 1024 * 1024,
      version: '0',
      grpc: { host: 'localhost', port: 0 },
      log: pino({ level: 'silent' }),
    });
    const agent = await new FakeAgent(other).start();
    const client = new LiveClient(other);
    await client.next('status');
    const stream = await fetch(`${other.url}/api/v1/flows?follow=true`);
    const started = performance.now();
    await other.close();
    expect(performance.now() - started).toBeLessThan(2000);
    for (const { socket } of [agent, client]) {
      if (socket.readyState !== socket.CLOSED) await once(socket, 'close');
    }
    await stream.body?.cancel().catch(() => undefined);
  });
});
