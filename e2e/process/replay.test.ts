/** `spyglass up` where there can be no datapath, and recordings of real processes that are killed. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ServiceMap } from '../../server/wire/service-map.ts';
import type { HubStatus } from '../../server/wire/status.ts';
import { sleeper } from './manifests.ts';
import {
  eventually,
  freePort,
  manifestFolder,
  NODE,
  processTree,
  spyglass,
  stillRunning,
  traces,
  Up,
} from './spyglass.ts';

const DEMO = fileURLToPath(new URL('../../deploy/demo', import.meta.url));
const RECORDING = join(DEMO, 'demo.recording');
/** nobody */
const USER = 65_534;

const upAsUser = async (folder: string): Promise<{ up: Up; url: string }> => {
  const port = await freePort();
  const up = new Up(['up', folder, '--node', NODE, '--port', String(port), '--grpc-port', '0'], USER);
  return { up, url: `http://127.0.0.1:${port}` };
};

async function ask<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

test('without root the recording of the demo is played, and nothing is left behind', async () => {
  const { up, url } = await upAsUser(DEMO);
  await using _ = up;
  await up.says('REPLAY of');
  expect(up.output).toContain('! spyglass up needs root, to make network namespaces and load eBPF programs');
  expect(await ask<HubStatus>(`${url}/api/v1/status`)).toMatchObject({ mode: 'replay' });
  const map = await eventually('edges', async () => {
    const found = await ask<ServiceMap>(`${url}/api/v1/service-map`);
    return found.edges.length > 8 ? found : undefined;
  });
  expect(map.nodes.map((it) => it.name)).toEqual(expect.arrayContaining(['web', 'api', 'catalog', 'orders', 'db']));
  const tree = processTree(up.pid);
  expect(tree).toHaveLength(1);
  expect(await up.kill('SIGINT')).toMatchObject({ code: 0 });
  expect(stillRunning(tree)).toEqual([]);
  expect(traces()).toEqual([]);
});

test('the recording of the demo is small', () => {
  expect(statSync(RECORDING).size).toBeLessThan(1_500_000);
});

test('without root and without a recording there is a clear word', async () => {
  using folder = manifestFolder({ 'a.yaml': sleeper('one') });
  const { up } = await upAsUser(folder.path);
  expect(await up.ended).toEqual({
    code: 1,
    output: 'spyglass: spyglass up needs root, to make network namespaces and load eBPF programs: run it with sudo\n',
  });
});

test('a damaged recording is refused', async () => {
  using folder = manifestFolder({ 'a.yaml': sleeper('one') });
  const bytes = readFileSync(RECORDING);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  writeFileSync(join(folder.path, 'demo.recording'), bytes);
  const { up } = await upAsUser(folder.path);
  const { code, output } = await up.ended;
  expect(code).toBe(1);
  expect(output).toContain("demo.recording is damaged at byte 16: the block's checksum is wrong");
});

test('what a killed recorder has written can be played', async () => {
  const [from, to] = [await freePort(), await freePort()];
  const hubArgs = (port: number): string[] => ['hub', '--listen', `127.0.0.1:${port}`, '--grpc-listen', 'off'];
  await using hub = new Up(hubArgs(from));
  await using other = new Up(hubArgs(to));
  await hub.says('Spyglass hub on');
  await other.says('Spyglass hub on');
  await using player = new Up(['replay', RECORDING, '--hub', `http://127.0.0.1:${from}`, '--speed', '10', '--loop']);
  await player.says('recorded');
  using folder = manifestFolder({});
  const file = join(folder.path, 'it.recording');
  const recorder = new Up(['record', file, '--hub', `http://127.0.0.1:${from}`]);
  await eventually('two blocks', () => (existsSync(file) && statSync(file).size > 400_000 ? true : undefined));
  await recorder.kill('SIGKILL');
  const { code, output } = await spyglass('replay', file, '--hub', `http://127.0.0.1:${to}`, '--speed', 'max');
  expect(output).toContain('! its tail is cut; it is played as far as it goes');
  expect(code).toBe(0);
  const { flows } = await ask<HubStatus>(`http://127.0.0.1:${to}/api/v1/status`);
  expect(flows?.received).toBeGreaterThan(1000);
});
