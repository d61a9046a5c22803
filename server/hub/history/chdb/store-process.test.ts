import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StoreError } from '../sql-engine.ts';
import { type TestStore, startTestStore, testFolder } from '../testing/test-store.ts';
import { storeSocket } from './store-messages.ts';
import { StoreProcess } from './store-process.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const log = pino({ level: 'silent' });
let folder: string;
let store: TestStore;

beforeEach(async () => {
  folder = testFolder();
  store = await startTestStore(folder);
});
afterEach(async () => {
  await store.end();
  rmSync(folder, { recursive: true, force: true });
});

const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

it('loses nothing that was stored when it is killed in the middle of inserts, and comes back', async () => {
  const engine = await store.client('kills');
  await engine.command(
    'CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000',
  );
  const BLOCKS = 120;
  const ROWS = 500;
  let kills = 0;
  let isDone = false;
  const killer = (async () => {
    while (!isDone && kills < 3) {
      await sleep(40 + 50 * kills);
      const { pid } = store.process;
      if (store.process.health.state !== 'ready' || pid === null || isDone) continue;
      process.kill(pid, 'SIGKILL');
      kills++;
      await expect
        .poll(() => store.process.pid !== pid && store.process.health.state === 'ready', { timeout: 10_000 })
        .toBe(true);
    }
  })();
  let tries = 0;
  for (let block = 0; block < BLOCKS; block++) {
    const rows = Array.from({ length: ROWS }, (_, i) => u64(block * ROWS + i));
    for (;;) {
      try {
        tries++;
        await engine.insert('t', ['n'], rows, `block ${block}`);
        break;
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
        expect(error).toMatchObject({ problem: 'unreachable' });
        await sleep(20);
      }
    }
  }
  isDone = true;
  await killer;
  expect(kills).toBeGreaterThan(1);
  expect(tries).toBeGreaterThan(BLOCKS);
  expect(await engine.rows('SELECT count() AS rows, uniqExact(n) AS different FROM t')).toEqual([
    { rows: String(BLOCKS * ROWS), different: String(BLOCKS * ROWS) },
  ]);
});

it('tells each change of its state, with the reason', async () => {
  const told: string[] = [];
  const write = (line: string): void => {
    const { msg, problem } = JSON.parse(line) as { msg: string; problem?: string };
    told.push(problem === undefined ? msg : `${msg}: ${problem}`);
  };
  const other = new StoreProcess(join(folder, 'other'), pino({}, { write }));
  await other.started();
  expect(other.health).toEqual({ state: 'ready', problem: null });
  process.kill(other.pid ?? 0, 'SIGKILL');
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(3);
  expect(other.health).toEqual({ state: 'ready', problem: null });
  await other.stop();
  expect(other.health).toEqual({ state: 'failing', problem: 'it was stopped' });
  expect(told).toEqual([
    'history is ready',
    'history fails; it is started again: the store process was ended by SIGKILL',
    'history is ready',
    'history is closed',
  ]);
});

it('keeps its folder to its user, and what a killed one left is removed', async () => {
  expect(statSync(storeSocket(folder)).mode & 0o777).toBe(0o600);
  await store.end();
  expect(existsSync(storeSocket(folder))).toBe(false);
  writeFileSync(storeSocket(folder), '');
  writeFileSync(join(folder, 'incoming', 'left.bin'), 'x');
  store = await startTestStore(folder);
  expect(readdirSync(join(folder, 'incoming'))).toEqual([]);
  expect(await store.connect('').rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('stores nothing of an insert whose sender went away before its end', async () => {
  const engine = await store.client('cut');
  await engine.command('CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n');
  const url = new URLSearchParams({ database: 'cut', query: 'INSERT INTO `t` (`n`) FORMAT RowBinary' });
  const headers = { 'Content-Length': 16 };
  const sender = request({ socketPath: storeSocket(folder), method: 'POST', path: `/?${url.toString()}`, headers });
  sender.on('error', () => {});
  sender.write(u64(1));
  const waiting = (): number => readdirSync(join(folder, 'incoming')).length;
  await expect.poll(waiting).toBe(1);
  sender.destroy();
  await expect.poll(waiting).toBe(0);
  expect(await engine.rows('SELECT n FROM t')).toEqual([]);
  await engine.insert('t', ['n'], [u64(1), u64(2)], 'whole');
  expect(await engine.rows('SELECT n FROM t')).toEqual([{ n: '1' }, { n: '2' }]);
});

it('refuses a folder that another one uses', async () => {
  const second = new StoreProcess(folder, log);
  await expect(second.started()).rejects.toThrow(`another hub uses ${folder}: stop it, or`);
  await second.stop();
  expect(await store.connect('').rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('says why a folder cannot be used', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const inFile = new StoreProcess(file, log);
  await expect(inFile.started()).rejects.toThrow(/History in .*file does not start: .*EEXIST/);
  await inFile.stop();
  const deep = join(folder, 'x'.repeat(100));
  const tooLong = new StoreProcess(deep, log);
  await expect(tooLong.started()).rejects.toThrow(/too long for a socket/);
  await tooLong.stop();
});

it('ends with its parent, however that ends', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  const module = fileURLToPath(new URL('store-process.js', import.meta.url)).replace(
    '/server/hub/',
    '/dist/server/hub/',
  );
  const script = `
    import { StoreProcess } from ${JSON.stringify(module)};
    const store = new StoreProcess(${JSON.stringify(other)}, { info() {}, warn() {} });
    await store.started();
    console.log(store.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5000 }).toBe(false);
  expect(existsSync(storeSocket(other))).toBe(false);
});

it('outlives signals to the process group of its hub', async () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(store.process.pid ?? 0, signal);
  expect(await store.connect('').rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
