/** From one hub into a file and into another hub, all through the real protocols. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KIND } from '../wire/agent.ts';
import type { GetFlowsResponse } from '../wire/hubble.ts';
import type { L7Table } from '../wire/l7-table.ts';
import type { ServiceMap } from '../wire/service-map.ts';
import type { HubStatus, NodeStatus } from '../wire/status.ts';
import { FRAME, writeFrame } from '../wire/stream.ts';
import { type RunningHub, startHub } from '../hub/hub.ts';
import { edgeCounters, kernelCounters, recordCounts } from '../hub/testing/counter-fixtures.ts';
import { DICTIONARY, DROP, FakeAgent, flow } from '../hub/testing/hub-bed.ts';
import { PlayedCounts, playedMessage } from '../recording/played-message.ts';
import { play, survey } from '../recording/player.ts';
import { NO_CREDENTIALS } from '../recording/hub-credentials.ts';
import { readRecording } from '../recording/reader.ts';
import { record, type Recorded } from '../recording/recorder.ts';
import { RecordingWriter } from '../recording/writer.ts';

const DAY_US = 86_400e6;

let folder: string;
let file: string;
let source: RunningHub;
let target: RunningHub;

function newHub(port = 0): Promise<RunningHub> {
  const log = pino({ level: 'silent' });
  const memory = 8 * 1024 * 1024;
  return startHub({
    host: '127.0.0.1',
    port,
    memory,
    version: '0.1.0',
    grpc: null,
    history: null,
    log,
    uiFolder: '/nonexistent',
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-replay-'));
  file = join(folder, 'it.recording');
  source = await newHub();
  target = await newHub();
});
afterEach(async () => {
  await Promise.all([source.close(), target.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function ask<T>(hub: RunningHub, path: string): Promise<T> {
  return (await (await fetch(`${hub.url}${path}`)).json()) as T;
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (await what()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain for ${what.toString()}`);
}

function startRecording(): { warnings: string[]; stop: () => Promise<Recorded> } {
  const stopping = new AbortController();
  const warnings: string[] = [];
  const warn = (line: string): void => void warnings.push(line);
  const done = record({ hub: source.url, path: file, connect: NO_CREDENTIALS, warn, signal: stopping.signal });
  const stop = async (): Promise<Recorded> => {
    stopping.abort();
    return done;
  };
  return { warnings, stop };
}

const replay = async (speed = 0, signal = new AbortController().signal, loop = false): Promise<void> =>
  play(file, await survey(file), { hub: target.url, connect: NO_CREDENTIALS, speed, loop, signal });

/** `handed`: records that the agent has sent. */
function sendCounters(agent: FakeAgent, packets: number, handed: number): void {
  const records = recordCounts({ produced: handed, handed });
  agent.send(KIND.counters, kernelCounters([edgeCounters(packets)], { records }));
}

let reports = 0;
function sendReport(agent: FakeAgent, requests: number): void {
  agent.send(KIND.l7, {
    time_ns: String(BigInt(Date.now()) * 1_000_000n + BigInt(++reports)),
    series: [
      {
        id: 1,
        source_endpoint: 16,
        destination_endpoint: 17,
        source_identity: 300,
        destination_identity: 301,
        service_id: 5,
        port: 8080,
        peer: '',
        protocol: 'http',
        route: 'GET /',
        requests,
        responses: requests,
        errors: 0,
        codes: [['200', requests]],
        latency_sum_ns: requests * 1000,
        latency: [[100, requests]],
      },
    ],
    names: reports === 1 ? [{ address: '192.0.2.7', name: 'example.com' }] : [],
    losses: { ring: 0, gaps: 0, malformed: 0, unsent: 0, evicted: 0 },
  });
}

/** All flows of a hub, without what names their session. */
async function flowsOf(hub: RunningHub): Promise<{ time: string; rest: string }[]> {
  const text = await (await fetch(`${hub.url}/api/v1/flows?last=1000`)).text();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { flow: found, time } = JSON.parse(line) as Required<GetFlowsResponse>;
    return { time, rest: JSON.stringify({ ...found, uuid: '', time: '' }) };
  });
}

/** An agent that has been there for a while; then a recording begins. */
async function recordFrom(agent: FakeAgent): Promise<ReturnType<typeof startRecording>> {
  await agent.start();
  await agent.deliver([flow({ destination_port: 1 }), flow({ destination_port: 2 })]);
  sendCounters(agent, 1000, 2);
  sendReport(agent, 500);
  await agent.deliver([flow({ destination_port: 3 })]);
  const recording = startRecording();
  await until(() => source.state.stats.recorders === 1);
  return recording;
}

describe('a replay', () => {
  it('shows what was recorded, and nothing of what was before', async () => {
    const agent = new FakeAgent(source);
    const recording = await recordFrom(agent);
    await agent.deliver([flow({ time_ns: 5 }), DROP, flow({ destination: '192.0.2.7', destination_endpoint: 0 })]);
    sendCounters(agent, 1007, 6);
    sendReport(agent, 503);
    agent.send(KIND.dictionary, {
      ...DICTIONARY,
      snapshot: false,
      endpoints: [],
      services: [],
      removed_endpoints: [17],
    });
    await agent.deliver([flow({ source_port: 7 })]);
    expect(await recording.stop()).toMatchObject({ agents: 1, gaps: 0 });
    expect(recording.warnings).toEqual([]);

    await replay();
    const [was, is] = [(await flowsOf(source)).slice(-4), await flowsOf(target)];
    expect(is.map((it) => it.rest)).toEqual(was.map((it) => it.rest));
    expect(is.map((it) => Date.parse(it.time) - Date.parse(is[0]?.time ?? ''))).toEqual(
      was.map((it) => Date.parse(it.time) - Date.parse(was[0]?.time ?? '')),
    );

    const map = await ask<ServiceMap>(target, '/api/v1/service-map');
    expect(map.edges).toMatchObject([{ packets: 7, bytes: 700 }]);
    const routes = await ask<L7Table>(target, '/api/v1/l7');
    expect(routes.rows).toMatchObject([{ route: 'GET /', requests: 3 }]);
    expect(await ask<HubStatus>(target, '/api/v1/status')).toMatchObject({ mode: 'replay', lost: { records: 0 } });
    expect(await ask<HubStatus>(source, '/api/v1/status')).toMatchObject({ mode: 'live' });
  });

  it('keeps the pauses, shorter by its speed, and goes round', async () => {
    const agent = new FakeAgent(source);
    const recording = await recordFrom(agent);
    await agent.deliver([flow()]);
    await sleep(1000);
    await agent.deliver([flow()]);
    await recording.stop();
    const began = Date.now();
    await replay(2);
    expect(Date.now() - began).toBeGreaterThan(480);
    const [first, second] = await flowsOf(target);
    const apart = (a: { time: string } | undefined, b: typeof a): number =>
      Date.parse(b?.time ?? '') - Date.parse(a?.time ?? '');
    const recorded = (await flowsOf(source)).slice(-2);
    expect(apart(first, second) / apart(recorded[0], recorded[1])).toBeGreaterThan(0.4);
    expect(apart(first, second) / apart(recorded[0], recorded[1])).toBeLessThan(0.7);

    const stopping = new AbortController();
    const looping = replay(20, stopping.signal, true);
    await until(async () => (await flowsOf(target)).length >= 8);
    stopping.abort();
    await looping;
    const { nodes } = await ask<{ nodes: NodeStatus[] }>(target, '/api/v1/nodes');
    expect(nodes).toMatchObject([{ name: 'node-a', lost: { records: 0 } }]);
  });

  it('of long ago is played as of now', async () => {
    const agent = new FakeAgent(source);
    const recording = await recordFrom(agent);
    await agent.deliver([flow()]);
    sendCounters(agent, 1001, 4);
    await recording.stop();
    const yesterday = join(folder, 'yesterday');
    const writer = await RecordingWriter.create(yesterday);
    for await (const frame of readRecording(file)) {
      const body = frame.kind === FRAME.message ? playedMessage(frame.body, -DAY_US, new PlayedCounts()) : frame.body;
      writer.add(Buffer.from(writeFrame({ ...frame, timeUs: frame.timeUs - DAY_US, body })));
    }
    await writer.finish();
    const began = Date.now();
    const options = {
      hub: target.url,
      connect: NO_CREDENTIALS,
      speed: 1,
      loop: false,
      signal: new AbortController().signal,
    };
    await play(yesterday, await survey(yesterday), options);
    const [played] = await flowsOf(target);
    expect(Date.parse(played?.time ?? '')).toBeGreaterThan(began - 1000);
    expect(Date.parse(played?.time ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it('goes on over a gap, and shows what is missing', async () => {
    const agent = new FakeAgent(source);
    const recording = await recordFrom(agent);
    await agent.deliver([flow()]);
    const port = Number(new URL(source.url).port);
    await source.close();
    await until(() => recording.warnings.length > 0);
    expect(recording.warnings[0]).toContain('gap from here on: the hub closed the connection (1001, the hub stops)');
    source = await newHub(port);
    const again = new FakeAgent(source);
    await again.start();
    // Records 4 to 9 were never recorded.
    again.skip(9);
    again.batch([flow()], { number: 7 });
    await until(() => source.state.stats.recorders === 1);
    sendCounters(again, 1020, 10);
    await again.deliver([flow()], { number: 8 });
    sendCounters(again, 1030, 11);
    await again.deliver([flow()], { number: 9 });
    const { gaps, agents } = await recording.stop();
    expect({ gaps, agents }).toEqual({ gaps: 1, agents: 2 });
    expect(await survey(file)).toMatchObject({ gaps: 1, end: 'finished', nodes: new Set(['node-a']) });
    await replay();
    expect(await flowsOf(target)).toHaveLength(3);
    const { nodes } = await ask<{ nodes: NodeStatus[] }>(target, '/api/v1/nodes');
    expect(nodes).toMatchObject([{ lost: { records: 6, transit: 6 } }]);
  });

  it('ends with a reason when the hub ends it', async () => {
    const agent = new FakeAgent(source);
    const recording = await recordFrom(agent);
    await agent.deliver([flow()]);
    await sleep(1000);
    await agent.deliver([flow()]);
    await recording.stop();
    const playing = replay(1);
    await until(() => target.state.nodes.size > 0);
    const rival = new FakeAgent(target);
    await rival.start();
    await expect(playing).rejects.toThrow(
      'the hub does not take node node-a of the recording: closed with 4001, another connection of this node took over',
    );
  });
});

describe('a recorder', () => {
  it('needs a hub', async () => {
    await source.close();
    await expect(startRecording().stop()).resolves.toMatchObject({ frames: 0 });
    rmSync(file);
    const signal = new AbortController().signal;
    const recording = record({ hub: source.url, path: file, connect: NO_CREDENTIALS, warn: () => undefined, signal });
    await expect(recording).rejects.toThrow(/^cannot listen to the hub at http:.*ECONNREFUSED/);
    expect(existsSync(file)).toBe(false);
  });
});
