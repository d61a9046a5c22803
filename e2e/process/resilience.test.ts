/** Agent and hub are killed while pods talk: connections go on, and what was seen is not lost. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Attachment } from '../../server/cluster/attachment.ts';
import type { GetFlowsResponse } from '../../server/wire/hubble.ts';
import type { HubStatus } from '../../server/wire/status.ts';
import type { ServiceMap } from '../../server/wire/service-map.ts';
import { CLIENTS, ECHO } from './manifests.ts';
import {
  PINS,
  STATE,
  childOf,
  eventually,
  freePort,
  manifestFolder,
  pause,
  podLog,
  processTree,
  running,
  stillRunning,
  traces,
} from './spyglass.ts';

const log = (): string => podLog('default', 'client_main');
const ticks = (): number =>
  log()
    .split('\n')
    .filter((it) => it.startsWith('tick')).length;

describe('with a connection through a service open', () => {
  test.each([
    ['SIGKILL', 'was ended by SIGKILL'],
    ['SIGTERM', 'ended with code 0'],
  ] as const)('the agent ends by %s: it comes back and the connection has not noticed', async (signal, words) => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    await using up = await running(folder.path, await freePort());
    await eventually('echoes', () => ticks() > 5 || undefined);
    const agent = await eventually('the agent', () => childOf(up, 'agent'));
    process.kill(agent, signal);
    await up.says(`the agent ${words}`);
    await eventually('another agent', () => {
      const next = childOf(up, 'agent');
      return next === agent ? undefined : next;
    });
    const before = ticks();
    await eventually('more echoes', () => ticks() > before + 20 || undefined);
    expect(
      log()
        .split('\n')
        .filter((it) => it === 'connected'),
    ).toHaveLength(1);
  });

  test('kill -9 of the agent: counters go on where they were, and nothing is left behind', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    const port = await freePort();
    await using up = await running(folder.path, port);
    await eventually('some traffic', () => sentByClient() > 150 || undefined);
    const pins = new Set(readdirSync(PINS, { recursive: true, encoding: 'utf8' }));
    const agent = await eventually('the agent', () => childOf(up, 'agent'));
    process.kill(agent, 'SIGKILL');
    await up.says('the agent was ended by SIGKILL');
    await eventually('another agent that is ready', async () => {
      // The log goes on from one agent to the next; the newest address is the living one's.
      const log = readFileSync(`${STATE}/logs/agent.log`, 'utf8');
      const url = [...log.matchAll(/probes and metrics on (http:[^"]+)"/g)].at(-1)?.[1] ?? '';
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      return answer?.ok === true || undefined;
    });
    expect(new Set(readdirSync(PINS, { recursive: true, encoding: 'utf8' }))).toEqual(pins);
    const sent = sentByClient();
    await pause(2500);
    const counted = await countedOfClient(port);
    // Multicast and the like are the stack's, and on no edge.
    expect(counted).toBeGreaterThan(sent - 30);
    expect(counted).toBeLessThanOrEqual(sentByClient());
    const tree = processTree(up.pid);
    await up.kill('SIGINT');
    expect(traces()).toEqual([]);
    expect(stillRunning(tree)).toEqual([]);
  });

  test('kill -9 of the hub: it comes back with every flow from before', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    const port = await freePort();
    await using up = await running(folder.path, port);
    await eventually('echoes', () => ticks() > 5 || undefined);
    // Two seconds: all that is answered now has been acknowledged, and the agent would be free to forget it.
    await pause(2000);
    const before = await eventually('flows', () => flowIds(port));
    expect(before.length).toBeGreaterThan(10);
    const hub = await eventually('the hub', () => childOf(up, 'hub'));
    process.kill(hub, 'SIGKILL');
    await up.says('the hub was ended by SIGKILL');
    await eventually('the same flows again', async () => {
      const again = new Set(await flowIds(port));
      return before.every((it) => again.has(it)) || undefined;
    });
    const status = (await (await fetch(`http://127.0.0.1:${port}/api/v1/status`)).json()) as HubStatus;
    expect(status.lost).toEqual({ records: 0, ring: 0, buffer: 0, agent: 0, transit: 0 });
    expect(
      log()
        .split('\n')
        .filter((it) => it === 'connected'),
    ).toHaveLength(1);
  });
});

/** Connection and time of all flows that the hub holds, undefined if none or no hub. */
async function flowIds(port: number): Promise<string[] | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/flows?last=100000`).catch(() => undefined);
  if (answer === undefined || !answer.ok) return undefined;
  const lines = (await answer.text()).split('\n').filter((it) => it !== '');
  if (lines.length === 0) return undefined;
  return lines.map((it) => {
    const { flow } = JSON.parse(it) as GetFlowsResponse;
    return `${flow?.extensions?.value.spyglass.connection_id ?? ''} ${flow?.time ?? ''}`;
  });
}

/** Packets that the client's pod has sent, by its own interface. */
function sentByClient(): number {
  const folder = `${STATE}/attachments`;
  const attachments = readdirSync(folder).map(
    (it) => JSON.parse(readFileSync(`${folder}/${it}`, 'utf8')) as Attachment,
  );
  const netns = attachments.find((it) => it.name === 'client')?.netns ?? '';
  const [link] = JSON.parse(
    execFileSync('ip', ['-n', netns, '-stats', '-json', 'link', 'show', 'eth0'], { encoding: 'utf8' }),
  ) as { stats64: { tx: { packets: number } } }[];
  return link?.stats64.tx.packets ?? 0;
}

/** Packets that the client's pod has sent, by the service map. */
async function countedOfClient(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/service-map?group=pod&since=10m`);
  const map = (await answer.json()) as ServiceMap;
  let packets = 0;
  for (const edge of map.edges) {
    if (edge.source === 'default/Pod/client') packets += edge.packets + (edge.verdicts['DROPPED'] ?? 0);
    if (edge.target === 'default/Pod/client') packets += edge.reply_packets;
  }
  return packets;
}
