import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lastLine } from './child.ts';
import { killRecorded } from './process-ledger.ts';
import { supervise } from './supervised.ts';

let stateFolder: string;
beforeEach(() => {
  stateFolder = mkdtempSync(join(tmpdir(), 'spyglass-child-'));
});
afterEach(() => rmSync(stateFolder, { recursive: true }));

const script = (text: string) => ({
  argv: ['sh', '-c', text],
  env: process.env,
  log: join(stateFolder, 'logs', 'it.log'),
  stateFolder,
});

test('a process that keeps ending at once is hopeless, in its own last words', async () => {
  const told: string[] = [];
  const it = supervise('thing', script('echo first; echo no such map >&2; exit 4'), (line) => told.push(line));
  await expect(it.hopeless).rejects.toThrow('the thing ended with code 4: no such map');
  await it.stop(100);
  expect(told[0]).toBe('the thing ended with code 4: no such map; it is started again');
});

test('a killed process is started again; stop ends the one that runs, though it does not want to', async () => {
  const told: string[] = [];
  const it = supervise('thing', script('trap "" TERM; echo deaf $$; while :; do sleep 0.1; done'), (line) =>
    told.push(line),
  );
  const first = it.child.process.pid;
  it.child.process.kill('SIGKILL');
  await vi.waitFor(() => expect(it.child.process.pid).not.toBe(first));
  expect(told).toEqual(['the thing was ended by SIGKILL; it is started again']);
  // A signal that comes before the shell has set its trap would end it.
  await vi.waitFor(() => expect(lastLine(it.log)).toBe(`deaf ${it.child.process.pid}`));
  await it.stop(50);
  expect(it.child.process.signalCode).toBe('SIGKILL');
  expect(killRecorded(stateFolder)).toBe(0);
});

test('what a killed parent left is on record', async () => {
  const it = supervise('thing', script('sleep 60'), () => {});
  const { ended } = it.child;
  expect(killRecorded(stateFolder)).toBe(1);
  expect(await ended).toEqual({ words: 'was ended by SIGKILL', code: null });
  await it.stop(50);
});

test('the last line of a log: its message if it is JSON', async () => {
  const it = supervise('thing', script(`echo; echo '{"level":50,"msg":"no hub"}'; echo; sleep 60`), () => {});
  await vi.waitFor(() => expect(lastLine(join(stateFolder, 'logs', 'it.log'))).toBe('no hub'));
  await it.stop(50);
});
