/** The hub as agents meet it, and the export of flows. */
import { once } from 'node:events';
import { pack } from 'msgpackr';
import { WebSocket } from 'ws';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { writeRecord } from '../flows/record-writer.ts';
import { nowNs } from '../flows/timestamp.ts';
import type { GetFlowsResponse } from '../wire/hubble.ts';
import { BATCH_HEADER, KIND, MAX_AGENT_MESSAGE } from '../wire/agent.ts';
import { describe, expect, it } from 'vitest';
import { DICTIONARY, DROP, FakeAgent, flow, HELLO, HubBed } from './testing/hub-bed.ts';

const bed = new HubBed();

describe('agents', () => {
  it('deliver flows, which are named by their dictionary', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow(), DROP]);
    const found = await bed.flows('last=10');
    expect(found.map((line) => line.flow?.verdict)).toEqual(['FORWARDED', 'DROPPED']);
    expect(found[0]).toMatchObject({
      node_name: 'node-a',
      flow: {
        source: { pod_name: 'web-1' },
        destination: { pod_name: 'cart-1', workloads: [{ name: 'cart', kind: 'Deployment' }] },
        destination_service: { name: 'cart', namespace: 'shop' },
      },
    });
  });

  it('resume after a lost connection; what the hub holds already is dropped', async () => {
    const first = await new FakeAgent(bed.hub).start();
    await first.deliver([flow(), flow()]);
    first.socket.terminate();
    const second = new FakeAgent(bed.hub);
    expect((await second.hello()).last_batch).toBe(1);
    second.send(KIND.dictionary, DICTIONARY);
    second.batch([flow(), flow()], { number: 1 });
    await second.deliver([flow({ destination_port: 9 })], { number: 2 });
    expect((await bed.status()).flows.received).toBe(3);
    expect(await bed.flows('port=9')).toHaveLength(1);
  });

  it('of a new process begin at zero; the old names stay with the old flows', async () => {
    const old = await new FakeAgent(bed.hub).start();
    await old.deliver([flow()]);
    const fresh = new FakeAgent(bed.hub);
    expect((await fresh.hello({ session: 's2' })).last_batch).toBe(0);
    fresh.send(KIND.dictionary, { ...DICTIONARY, endpoints: [] });
    await fresh.deliver([flow()]);
    expect((await bed.flows('last=2')).map((line) => line.flow?.source.pod_name)).toEqual(['web-1', undefined]);
    expect(old.socket.readyState).not.toBe(WebSocket.OPEN);
  });

  it('are told apart by node, and counted when they go', async () => {
    const a = await new FakeAgent(bed.hub).start();
    const b = await new FakeAgent(bed.hub).start({ node: 'node-b' });
    await Promise.all([a.deliver([flow()]), b.deliver([flow(), flow()])]);
    expect(await bed.flows('node-name=node-b')).toHaveLength(2);
    expect((await bed.get('/readyz')).status).toBe(200);
    a.socket.close();
    b.socket.close();
    await Promise.all([a.closed(), b.closed()]);
    await expect.poll(async () => (await bed.get('/readyz')).status).toBe(503);
    expect((await bed.status()).nodes).toEqual({ known: 2, connected: 0 });
  });

  it('removed endpoints keep their names in stored flows', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.dictionary, {
      ...DICTIONARY,
      snapshot: false,
      endpoints: [],
      services: [],
      removed_endpoints: [16],
    });
    await agent.deliver([flow({ source_endpoint: 0 })]);
    expect(await bed.flows('pod=shop/web')).toHaveLength(1);
    expect(await (await bed.get('/api/v1/namespaces')).json()).toEqual({ namespaces: [{ name: 'shop', pods: 1 }] });
  });
});

describe('faulty agents', () => {
  const header = (count: number): Buffer => {
    const bytes = Buffer.alloc(BATCH_HEADER.size);
    bytes[0] = KIND.batch;
    bytes.writeUInt32LE(count, BATCH_HEADER.count);
    bytes.writeBigUInt64LE(1n, BATCH_HEADER.number);
    return bytes;
  };
  const record = writeRecord(RECORD_LAYOUT, flow());

  it.each([
    ['an unknown kind', Buffer.of(99), /kind 99/],
    ['a short batch', Buffer.of(KIND.batch, 1, 2), /shorter than its header/],
    ['a count without records', header(1_000_000), /claims 1000000 records/],
    ['bytes after the records', Buffer.concat([header(1), record, Buffer.alloc(8)]), /8 bytes after/],
    [
      'a record of another version',
      Buffer.concat([header(1), writeRecord(RECORD_LAYOUT, flow({ version: 9 }))]),
      /version 9/,
    ],
    [
      'captured bytes beyond the end',
      Buffer.concat([header(1), writeRecord(RECORD_LAYOUT, flow({ captured: 40 })).subarray(0, -8)]),
      /after|beyond|bytes/,
    ],
    [
      'a dictionary that is none',
      Buffer.concat([Buffer.of(KIND.dictionary), pack({ snapshot: 1 })]),
      /dictionary.*snapshot/,
    ],
    ['counters that are none', Buffer.concat([Buffer.of(KIND.counters), Buffer.of(0xc1)]), /counters/],
    ['a second hello', Buffer.concat([Buffer.of(KIND.hello), pack(HELLO)]), /second hello/],
  ])('%s closes that connection with a reason', async (_, message, reason) => {
    const good = await new FakeAgent(bed.hub).start({ node: 'good' });
    const faulty = await new FakeAgent(bed.hub).start();
    faulty.socket.send(message);
    const closed = await faulty.closed();
    expect(closed.code).toBe(1002);
    expect(closed.reason).toMatch(reason);
    await good.deliver([flow()]);
    expect((await bed.status()).flows.received).toBe(1);
    expect(await (await bed.get('/metrics')).text()).toMatch(/spyglass_hub_protocol_errors_total\{fault="\w+"\} 1/);
  });

  it.each([
    ['another protocol', { protocol: 9 }, /protocol 9/],
    ['a layout without verdicts', { layout: { ...RECORD_LAYOUT, fields: {} } }, /has no field/],
    ['no node name', { node: '' }, /node/],
  ])('a hello with %s is refused', async (_, hello, reason) => {
    const agent = new FakeAgent(bed.hub);
    await once(agent.socket, 'open');
    agent.send(KIND.hello, { ...HELLO, ...hello });
    expect((await agent.closed()).reason).toMatch(reason);
    expect((await bed.status()).nodes.known).toBe(0);
  });

  it('a message before the hello, or as text, is refused', async () => {
    for (const message of ['{}', Buffer.of(KIND.batch)]) {
      const agent = new FakeAgent(bed.hub);
      await once(agent.socket, 'open');
      agent.socket.send(message);
      expect((await agent.closed()).code).toBe(1002);
    }
  });

  it('an oversized message closes the connection', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    agent.socket.send(Buffer.alloc(MAX_AGENT_MESSAGE + 1, KIND.batch));
    expect((await agent.closed()).code).toBe(1009);
    expect(await (await bed.get('/metrics')).text()).toContain('spyglass_hub_protocol_errors_total{fault="size"} 1');
  });
});

describe('GET /api/v1/flows', () => {
  it('selects by filter, number and time', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    const at = nowNs() - 60_000_000_000n;
    await agent.deliver(
      Array.from({ length: 50 }, (_, i) => flow({ destination_port: 1000 + i })),
      { at },
    );
    await agent.deliver([DROP], { at: nowNs() });
    const ports = (found: GetFlowsResponse[]) => found.map((line) => line.flow?.l4?.TCP?.destination_port);
    expect(await bed.flows('')).toHaveLength(20);
    expect(ports(await bed.flows('first=2'))).toEqual([1000, 1001]);
    expect(ports(await bed.flows('last=2'))).toEqual([1049, 8080]);
    expect(ports(await bed.flows('verdict=DROPPED'))).toEqual([8080]);
    expect(ports(await bed.flows('to-port=1003,1001&last=9'))).toEqual([1001, 1003]);
    expect(ports(await bed.flows('since=30s'))).toEqual([8080]);
    expect(await bed.flows('until=30s')).toHaveLength(50);
    expect(await bed.flows('since=10m')).toHaveLength(51);
    const time = (await bed.flows('first=3'))[2]?.flow?.time ?? '';
    expect(ports(await bed.flows(`since=${time}&first=1`))).toEqual([1002]);
    expect(ports(await bed.flows(`until=${time}`))).toEqual([1000, 1001, 1002]);
  });

  it('orders flows of several nodes by time', async () => {
    const a = await new FakeAgent(bed.hub).start();
    const b = await new FakeAgent(bed.hub).start({ node: 'node-b' });
    const at = nowNs();
    await a.deliver([flow({ time_ns: 5 })], { at });
    await b.deliver([flow({ time_ns: 1000 })], { at: at - 1_000_000n });
    expect((await bed.flows('last=2')).map((line) => line.node_name)).toEqual(['node-b', 'node-a']);
  });

  it('comes as JSON and CSV', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow(), DROP]);
    const json = await bed.get('/api/v1/flows?format=json');
    expect(json.headers.get('content-type')).toContain('application/json');
    expect(await json.json()).toHaveLength(2);
    const csv = await bed.get('/api/v1/flows?format=csv');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    const rows = (await csv.text()).split('\r\n');
    expect(rows[0]).toMatch(/^time,node_name,event,verdict/);
    expect(rows).toHaveLength(4);
    expect(await (await bed.get('/api/v1/flows?format=json&port=1')).json()).toEqual([]);
  });

  it('follows, from the history asked for', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow({ destination_port: 1 }), flow({ destination_port: 2 })]);
    const stop = new AbortController();
    const response = await bed.get('/api/v1/flows?follow=true&last=1&protocol=tcp', { signal: stop.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const lines = async (count: number): Promise<number[]> => {
      while (text.split('\n').length <= count) text += (await reader?.read())?.value ?? '';
      const complete = text.split('\n').slice(0, -1);
      return complete.map((line) => (JSON.parse(line) as GetFlowsResponse).flow?.l4?.TCP?.destination_port ?? 0);
    };
    expect(await lines(1)).toEqual([2]);
    await agent.deliver([flow({ destination_port: 3 }), flow({ protocol: 17 })]);
    expect(await lines(2)).toEqual([2, 3]);
    await agent.deliver([flow({ destination_port: 4 })]);
    expect(await lines(3)).toEqual([2, 3, 4]);
    stop.abort();
  });

  it('answers a follower before there are flows', async () => {
    const stop = new AbortController();
    const response = await bed.get('/api/v1/flows?follow=true', { signal: stop.signal });
    expect(response.status).toBe(200);
    stop.abort();
  });

  it('goes on following although flows were overwritten before they could be read', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    const stop = new AbortController();
    const response = await bed.get('/api/v1/flows?follow=true&port=1', { signal: stop.signal });
    const many = Array.from({ length: 15_000 }, () => flow());
    // More than the memory holds, faster than the follower looks.
    for (let i = 0; i < 2; i++) agent.batch(many);
    await agent.deliver([flow({ destination_port: 1 })]);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"destination_port":1,')) text += (await reader?.read())?.value ?? '';
    const { overwritten } = (await bed.status()).flows;
    expect(overwritten).toBeGreaterThan(0);
    stop.abort();
  });

  it.each([
    ['podd=x', /"podd".*"pod"/],
    ['port=x', /"port"/],
    ['last=-1', /"last".*0 to 100000/],
    ['last=100001', /"last"/],
    ['last=1&last=2', /twice/],
    ['first=1&last=1', /not both/],
    ['first=1&follow=true', /"follow"/],
    ['since=soon', /"since"/],
    ['format=xml', /"format".*ndjson/],
    ['format=json&follow=true', /json/],
  ])('refuses %s', async (query, detail) => {
    const response = await bed.get(`/api/v1/flows?${query}`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ type: 'about:blank', title: 'Bad Request', status: 400 });
    expect(((await (await bed.get(`/api/v1/flows?${query}`)).json()) as { detail: string }).detail).toMatch(detail);
  });
});
