/** Exports as their users see them: a hub with agents, files in a folder, an OTLP endpoint. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Export } from '../../wire/exports.ts';
import type { GetFlowsResponse } from '../../wire/hubble.ts';
import { type RunningHub, startHub } from '../hub.ts';
import { DROP, FakeAgent, flow } from '../testing/hub-bed.ts';
import type { LogRecord } from './otlp-logs.ts';
import { OtlpReceiver } from './testing/otlp-receiver.ts';

let folder: string;
let receiver: OtlpReceiver;
let hub: RunningHub;

function newHub(port = 0): Promise<RunningHub> {
  return startHub({
    host: '127.0.0.1',
    port,
    memory: 1024 * 1024,
    history: null,
    version: '0.1.0',
    grpc: null,
    log: pino({ level: 'silent' }),
    uiFolder: '/nonexistent',
    exports: { folder, endpoints: [receiver.url] },
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-exports-'));
  receiver = await OtlpReceiver.start();
  hub = await newHub();
});
afterEach(async () => {
  await hub.close();
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

const FILE = { type: 'file', name: 'flows.log' };

async function send(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${hub.url}/api/v1/exports${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

async function create(request: object): Promise<Export> {
  const { status, body } = await send('POST', '', request);
  expect(status, JSON.stringify(body)).toBe(201);
  return body as Export;
}

async function until(look: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await look()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain for ${look.toString()}`);
}

const statusOf = async (id: string): Promise<Export> => (await send('GET', `/${id}`)).body as Export;
const exported = (id: string, count: number): Promise<void> =>
  until(async () => (await statusOf(id)).exported >= count);

const parse = (text: string): GetFlowsResponse[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as GetFlowsResponse);
const linesOf = (name: string): GetFlowsResponse[] => parse(readFileSync(join(folder, name), 'utf8'));
const portsOf = (lines: GetFlowsResponse[]): unknown[] => lines.map((it) => it.flow?.l4?.TCP?.source_port);

describe('an export to a file', () => {
  it('has the flows that come after it began, as the API gives them', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow({ source_port: 1 })]);
    const { id, state } = await create({ target: FILE });
    expect(state).toBe('running');
    await agent.deliver([flow({ source_port: 2 }), DROP]);
    await exported(id, 2);
    const wanted = await (await fetch(`${hub.url}/api/v1/flows?last=2`)).text();
    expect(readFileSync(join(folder, 'flows.log'), 'utf8')).toBe(wanted);
  });

  it('takes filters and fields', async () => {
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({
      target: FILE,
      filter: { verdict: ['DROPPED'] },
      fields: ['verdict', 'source.pod_name'],
    });
    await agent.deliver([flow(), DROP, flow()]);
    await exported(id, 1);
    expect(linesOf('flows.log')).toEqual([
      { flow: { verdict: 'DROPPED', source: { pod_name: 'web-1' } }, node_name: 'node-a', time: expect.any(String) },
    ]);
  });

  it('is put aside when it is full, and the oldest go', async () => {
    const agent = await new FakeAgent(hub).start();
    const target = { ...FILE, max_bytes: 65_536, backups: 2, compress: true };
    const { id } = await create({ target });
    for (let i = 0; i < 12; i++) {
      await agent.deliver(Array.from({ length: 20 }, (_, n) => flow({ source_port: 20 * i + n + 1 })));
      await exported(id, 20 * (i + 1));
    }
    const names = readdirSync(folder).filter((it) => it.startsWith('flows'));
    expect(names).toHaveLength(3);
    const aside = names.filter((it) => it.endsWith('.gz')).toSorted();
    expect(aside).toHaveLength(2);
    for (const name of aside) expect(name).toMatch(/^flows-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log\.gz$/);
    const kept = [
      ...aside.flatMap((name) => parse(gunzipSync(readFileSync(join(folder, name))).toString())),
      ...linesOf('flows.log'),
    ];
    // No flow twice, none missing up to the last.
    const first = Number(portsOf(kept)[0]);
    expect(portsOf(kept)).toEqual(Array.from({ length: 241 - first }, (_, i) => first + i));
  });

  it('goes on after a restart of the hub where it stopped', async () => {
    const agent = await new FakeAgent(hub).start();
    await agent.deliver([flow({ source_port: 1 })], { number: 1 });
    const { id } = await create({ target: FILE });
    await agent.deliver([flow({ source_port: 2 })], { number: 2 });
    await exported(id, 1);
    await hub.close();
    // Written behind what was noted, as by a hub that is killed before it notes more.
    writeFileSync(join(folder, 'flows.log'), '{"flow":{}}\n', { flag: 'a' });

    hub = await newHub();
    expect(await statusOf(id)).toMatchObject({ state: 'running', exported: 1 });
    // The agent sends everything again, and more. Times go with batches, so the first lies before the export began.
    const again = await new FakeAgent(hub).start();
    const before = BigInt(Date.now() - 3600_000) * 1_000_000n;
    await again.deliver([flow({ source_port: 1 })], { number: 1, at: before });
    await again.deliver([flow({ source_port: 2 })], { number: 2 });
    await again.deliver([flow({ source_port: 3 })], { number: 3 });
    await exported(id, 2);
    expect(portsOf(linesOf('flows.log'))).toEqual([2, 3]);
    expect(await statusOf(id)).toMatchObject({ exported: 2, lost: { overwritten: 0, refused: 0 } });
  });

  it('is tried again while it cannot be written', async () => {
    mkdirSync(join(folder, 'flows.log'));
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: FILE });
    await agent.deliver([flow()]);
    await until(async () => (await statusOf(id)).state === 'retrying');
    expect((await statusOf(id)).problem).toMatch(/^the file cannot be written: EISDIR/);
    rmSync(join(folder, 'flows.log'), { recursive: true });
    await exported(id, 1);
    expect(await statusOf(id)).toMatchObject({ state: 'running', problem: null });
  });

  it('writes through no link', async () => {
    const outside = join(folder, 'outside');
    writeFileSync(outside, 'secret\n');
    symlinkSync(outside, join(folder, 'flows.log'));
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: FILE });
    await agent.deliver([flow()]);
    await until(async () => (await statusOf(id)).state === 'retrying');
    expect(readFileSync(outside, 'utf8')).toBe('secret\n');
  });

  it('ends when it is deleted, and its file stays', async () => {
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: FILE });
    await agent.deliver([flow({ source_port: 1 })]);
    await exported(id, 1);
    expect(await send('DELETE', `/${id}`)).toEqual({ status: 204, body: null });
    await agent.deliver([flow({ source_port: 2 })]);
    await sleep(300);
    expect(portsOf(linesOf('flows.log'))).toEqual([1]);
    expect((await send('GET', '')).body).toEqual({ exports: [] });
    expect((await send('GET', `/${id}`)).status).toBe(404);
  });
});

describe('an export by OTLP', () => {
  const bodyOf = (record: LogRecord | undefined): string =>
    record !== undefined && 'stringValue' in record.body ? record.body.stringValue : '';
  const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });

  it('sends log records that the protocol knows', async () => {
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: { type: 'otlp', endpoint: receiver.url } });
    await agent.deliver([flow({ source_port: 7 }), DROP]);
    await exported(id, 2);
    expect(receiver.faults).toEqual([]);
    const [request] = receiver.requests;
    expect(request?.resourceLogs[0]?.resource.attributes).toEqual([
      text('service.name', 'spyglass'),
      text('service.version', '0.1.0'),
      text('k8s.node.name', 'node-a'),
    ]);
    const [forwarded, dropped] = receiver.records;
    const lines = parse(await (await fetch(`${hub.url}/api/v1/flows?last=2`)).text());
    expect(JSON.parse(bodyOf(forwarded))).toEqual(lines[0]?.flow);
    expect(forwarded).toMatchObject({ severityNumber: 9, severityText: 'INFO', eventName: 'network.flow' });
    expect(forwarded?.attributes).toEqual(
      expect.arrayContaining([
        text('source.address', '10.1.0.16'),
        { key: 'source.port', value: { intValue: '7' } },
        text('network.transport', 'tcp'),
        text('network.type', 'ipv4'),
        text('source.k8s.pod.name', 'web-1'),
        text('destination.k8s.namespace.name', 'shop'),
      ]),
    );
    expect(dropped).toMatchObject({ severityNumber: 13, severityText: 'WARN' });
    expect(Number(forwarded?.timeUnixNano) / 1e6).toBeCloseTo(Date.parse(lines[0]?.time ?? ''), -1);
  });

  it('tries again when it is told to, no sooner, and loses nothing', async () => {
    receiver.answers.push({ status: 503 }, { status: 429, headers: { 'Retry-After': '1' } });
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: { type: 'otlp', endpoint: receiver.url } });
    await agent.deliver([flow(), flow()]);
    await until(async () => (await statusOf(id)).state === 'retrying');
    await exported(id, 2);
    expect(receiver.records).toHaveLength(2);
    const [, second = 0, third = 0] = receiver.times;
    expect(third - second).toBeGreaterThanOrEqual(990);
    expect(await statusOf(id)).toMatchObject({ state: 'running', problem: null, lost: { refused: 0 } });
  });

  it('counts what is refused for good, and goes on', async () => {
    const partialSuccess = { rejectedLogRecords: '1', errorMessage: 'too old' };
    receiver.answers.push({ status: 400 }, { status: 200, body: { partialSuccess } });
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: { type: 'otlp', endpoint: receiver.url } });
    await agent.deliver([flow(), flow()]);
    await until(async () => (await statusOf(id)).lost.refused === 2);
    expect((await statusOf(id)).problem).toBe('the endpoint answered 400 Bad Request');
    const metrics = await (await fetch(`${hub.url}/metrics`)).text();
    expect(metrics).toContain(`spyglass_export_lost_total{export="${id}",cause="refused"} 2`);
    expect(metrics).toContain(`spyglass_export_flows_total{export="${id}"} 0`);
    await agent.deliver([flow(), flow()]);
    await exported(id, 1);
    expect(await statusOf(id)).toMatchObject({
      exported: 1,
      lost: { overwritten: 0, refused: 3 },
      problem: 'the endpoint refused 1 records: too old',
    });
  });

  it('follows no redirect', async () => {
    const secret = await OtlpReceiver.start();
    receiver.answers.push({ status: 307, headers: { Location: secret.url } });
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({ target: { type: 'otlp', endpoint: receiver.url } });
    await agent.deliver([flow()]);
    await until(async () => (await statusOf(id)).lost.refused === 1);
    expect(secret.times).toEqual([]);
    await secret.close();
  });

  it('counts what left memory while the endpoint was away', async () => {
    receiver.isAway = true;
    const agent = await new FakeAgent(hub).start();
    const { id } = await create({
      target: { type: 'otlp', endpoint: receiver.url },
      filter: { verdict: ['DROPPED'] },
    });
    await agent.deliver([DROP]);
    await until(async () => (await statusOf(id)).state === 'retrying');
    const many = Array.from({ length: 1000 }, () => flow());
    while (hub.state.store.evicted < 2000) await agent.deliver(many);
    await agent.deliver([DROP]);
    const { evicted } = hub.state.store;
    receiver.isAway = false;
    await exported(id, 2);
    // The first flow had been taken before it was overwritten.
    expect(await statusOf(id)).toMatchObject({ lost: { overwritten: evicted - 1, refused: 0 }, waiting: 0 });
    expect(receiver.records).toHaveLength(2);
  });
});

describe('an export that cannot be is refused', () => {
  const otlp = (endpoint: string): object => ({ target: { type: 'otlp', endpoint } });
  const file = (name: unknown): object => ({ target: { type: 'file', name } });

  it.each([
    ['no JSON', '{', 400, 'The body is not JSON.'],
    ['nothing', {}, 400, 'The export is malformed at "target"'],
    ['an unknown key', { target: FILE, filters: {} }, 400, 'Unrecognized key: "filters"'],
    ['a path', file('../flows.log'), 400, 'malformed at "target.name": must be letters'],
    ['another folder', file('/etc/passwd'), 400, 'malformed at "target.name": must be letters'],
    ['a hidden file', file('.exports'), 400, 'malformed at "target.name": must be letters'],
    ['a NUL byte', file('a\u0000b'), 400, 'malformed at "target.name": must be letters'],
    ['the name of a file put aside', file('a-2026-03-04T10-15-30.123.log'), 400, 'is one that files put aside get'],
    ['an unknown filter', { target: FILE, filter: { pot: ['a'] } }, 400, 'pot'],
    ['an unknown field', { target: FILE, fields: ['secret'] }, 400, 'flows have no such field'],
    ['an endpoint that is not allowed', otlp('http://169.254.169.254/v1/logs'), 403, '--export-endpoint'],
    ['no URL', otlp('file:///etc/passwd'), 400, 'malformed at "target.endpoint": Invalid URL'],
    ['too much', JSON.stringify({ target: FILE, fields: ['x'.repeat(70_000)] }), 413, 'larger than 65536 bytes'],
  ])('%s', async (_, request, status, words) => {
    const answer = await send('POST', '', request);
    expect(answer).toMatchObject({ status, body: { detail: expect.stringContaining(words) } });
    expect((await send('GET', '')).body).toEqual({ exports: [] });
  });

  it('a file that another one writes', async () => {
    await create({ target: FILE });
    expect((await send('POST', '', { target: FILE })).status).toBe(409);
  });

  it('a body that a page elsewhere could send', async () => {
    const response = await fetch(`${hub.url}/api/v1/exports`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(415);
  });

  it('anything, by a hub without a folder', async () => {
    await hub.close();
    const options = { host: '127.0.0.1', port: 0, memory: 1024 * 1024, version: '', grpc: null, history: null };
    hub = await startHub({ ...options, log: pino({ level: 'silent' }) });
    expect(await send('POST', '', { target: FILE })).toMatchObject({
      status: 409,
      body: { detail: 'This hub exports nothing; start it with --export-dir.' },
    });
  });

  it('one that is not allowed to this run, but was to the former', async () => {
    const { id } = await create({ target: { type: 'otlp', endpoint: receiver.url } });
    await hub.close();
    await receiver.close();
    receiver = await OtlpReceiver.start();
    hub = await newHub();
    expect((await send('GET', `/${id}`)).status).toBe(404);
  });
});
