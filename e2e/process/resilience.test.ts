/** Agent and hub are killed while pods talk: connections go on, and what was seen is not lost. */
import { describe, expect, test } from 'vitest';
import { CLIENTS, ECHO } from './manifests.ts';
import { childOf, eventually, freePort, manifestFolder, podLog, running } from './spyglass.ts';

const log = (): string => podLog('default', 'client_main');
const ticks = (): number =>
  log()
    .split('\n')
    .filter((it) => it.startsWith('tick')).length;

describe('with a connection through a service open', () => {
  test('kill -9 of the agent: it comes back and the connection has not noticed', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    await using up = await running(folder.path, await freePort());
    await eventually('echoes', () => ticks() > 5 || undefined);
    const agent = await eventually('the agent', () => childOf(up, 'agent'));
    process.kill(agent, 'SIGKILL');
    await up.says('the agent was ended by SIGKILL');
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

  test('kill -9 of the hub: it comes back with the flows from before', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    const port = await freePort();
    await using up = await running(folder.path, port);
    await eventually('echoes', () => ticks() > 5 || undefined);
    const uuids = await eventually('flows of the client', () => flowIds(port));
    const hub = await eventually('the hub', () => childOf(up, 'hub'));
    process.kill(hub, 'SIGKILL');
    await up.says('the hub was ended by SIGKILL');
    await eventually('the same flows again', async () => {
      const again = new Set(await flowIds(port));
      return uuids.every((it) => again.has(it)) || undefined;
    });
    expect(
      log()
        .split('\n')
        .filter((it) => it === 'connected'),
    ).toHaveLength(1);
  });
});

/** Times of the flows of the client's pod that the hub holds, undefined if none or no hub. */
async function flowIds(port: number): Promise<string[] | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/flows?pod=default/client&last=100`).catch(
    () => undefined,
  );
  if (answer === undefined || !answer.ok) return undefined;
  const lines = (await answer.text()).split('\n').filter((it) => it !== '');
  if (lines.length === 0) return undefined;
  return lines.map((it) => (JSON.parse(it) as { time: string }).time);
}
