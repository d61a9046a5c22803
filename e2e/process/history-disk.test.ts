/** History on a disk that is full: a small file system of its own, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClickHouse } from '../../server/hub/history/clickhouse.ts';
import { StoreError } from '../../server/hub/history/sql-engine.ts';
import { type TestStore, startTestStore, testFolder } from '../../server/hub/history/testing/test-store.ts';

const MiB = 1024 ** 2;
let disk: string;
let store: TestStore;
let engine: ClickHouse;

beforeEach(async () => {
  disk = testFolder();
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
  if (status !== 0) throw new Error(`mount: ${stderr.toString()}`);
  store = await startTestStore(join(disk, 'history'));
  engine = await store.client('full');
  await engine.command('CREATE TABLE t (part UInt8, bytes String) ENGINE = MergeTree PARTITION BY part ORDER BY part');
});
afterEach(async () => {
  await store.end();
  // Also of a process that has just ended, the kernel may hold a file for a moment.
  spawnSync('umount', ['--lazy', disk]);
  rmdirSync(disk);
});

/** One row of 1 MiB that does not compress. */
const insert = async (part: number): Promise<void> =>
  engine.insert('t', ['part', 'bytes'], [Buffer.from([part, 0x80, 0x80, 0x40]), randomBytes(MiB)], `part ${part}`);

async function fill(): Promise<{ parts: number; error: StoreError }> {
  for (let part = 0; part < 255; part++) {
    try {
      await insert(part);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { parts: part, error };
    }
  }
  throw new Error('the disk takes more than it has');
}

it('says that the disk is full, keeps what it has, and goes on once there is room', async () => {
  const { parts, error } = await fill();
  expect(error).toMatchObject({ problem: 'full', code: 243 });
  expect(error.message).toBe(
    'the test store has no room left on its disk; make room there, or keep less (--store-bytes, --store-retention).',
  );
  // Room is left for what makes room.
  expect(parts).toBeGreaterThan(30);
  expect(parts).toBeLessThan(48);
  const sql = 'SELECT count() AS parts, sum(length(bytes)) AS bytes FROM t';
  expect(await engine.rows(sql)).toEqual([{ parts: String(parts), bytes: String(parts * MiB) }]);
  for (const part of [0, 1, 2]) await engine.command(`ALTER TABLE t DROP PARTITION ${part}`);
  await insert(parts);
  expect(await engine.rows('SELECT count() AS parts FROM t')).toEqual([{ parts: String(parts - 2) }]);
});

it('answers and starts also where others have taken the last byte', async () => {
  const { parts } = await fill();
  expect(() => writeFileSync(join(disk, 'others'), Buffer.alloc(64 * MiB))).toThrow(/ENOSPC/);
  await expect(insert(parts)).rejects.toMatchObject({ problem: 'full' });
  const { pid } = store.process;
  process.kill(pid ?? 0, 'SIGKILL');
  await expect.poll(() => store.process.pid !== pid && store.process.health.state, { timeout: 10_000 }).toBe('ready');
  expect(await engine.rows('SELECT count() AS parts FROM t')).toEqual([{ parts: String(parts) }]);
  rmSync(join(disk, 'others'));
  await engine.command('ALTER TABLE t DROP PARTITION 0, DROP PARTITION 1');
  await insert(parts);
});
