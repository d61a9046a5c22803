import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { IdleCores } from './idle-cores.ts';

test('idle time and waiting for disks count, of all cores', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spyglass-idle-'));
  const path = join(folder, 'stat');
  const write = (idle: number, waiting: number): void =>
    writeFileSync(path, `cpu  9000 1 800 ${idle} ${waiting} 0 70 3 0 0\ncpu0 1 2 3 4 5 6 7\n`);
  write(1000, 50);
  using idle = new IdleCores(5000, path);
  write(1030, 60);
  expect(idle.since(5500)).toBeCloseTo(0.8);
  expect(idle.since(5600)).toBe(0);
  expect(idle.since(5600)).toBe(0);
  rmSync(folder, { recursive: true });
});

test("this machine's own", async () => {
  using idle = new IdleCores(performance.now());
  await new Promise((resolve) => setTimeout(resolve, 100));
  const cores = idle.since(performance.now());
  expect(cores).toBeGreaterThanOrEqual(0);
  // A tick is 10 ms.
  expect(cores).toBeLessThan(availableParallelism() * 1.3);
});
