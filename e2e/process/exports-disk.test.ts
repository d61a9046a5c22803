/** An export to a disk that is full: a small file system of its own, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RotatingFile } from '../../server/hub/exports/rotating-file.ts';

const KiB = 1024;
const TARGET = { type: 'file', name: 'flows.log', max_bytes: 64 * KiB, backups: 1, compress: true } as const;
/** Packs to half of its size. */
const lines = (): string => `${randomBytes(31 * KiB).toString('hex')}\n`;

let disk: string;
let file: RotatingFile;

beforeEach(async () => {
  disk = mkdtempSync(join(tmpdir(), 'spyglass-exports-disk-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'tmpfs', disk]);
  if (status !== 0) throw new Error(`mount: ${stderr.toString()}`);
  file = await RotatingFile.open(disk, TARGET, null);
});
afterEach(async () => {
  await file.close();
  spawnSync('umount', ['--lazy', disk]);
  rmdirSync(disk);
});

const aside = (): string[] => readdirSync(disk).filter((it) => it.startsWith('flows-'));

it('keeps a file whole that there is no room to pack, and no piece of it beside it', async () => {
  const first = lines();
  await file.write(first);
  writeFileSync(join(disk, 'others'), Buffer.alloc(72 * KiB));
  await expect(file.write(lines())).rejects.toThrow('ENOSPC');
  expect(aside()).toEqual([expect.stringMatching(/\.log$/)]);
  expect(readFileSync(join(disk, aside()[0] ?? ''), 'utf8')).toBe(first);

  rmSync(join(disk, 'others'));
  const [second, third] = [lines(), lines()];
  await file.write(second);
  await file.write(third);
  expect(aside()).toEqual([expect.stringMatching(/\.log\.gz$/)]);
  expect(gunzipSync(readFileSync(join(disk, aside()[0] ?? ''))).toString()).toBe(second);
  expect(readFileSync(join(disk, 'flows.log'), 'utf8')).toBe(third);
});

it('makes room by what it puts aside and may not keep', async () => {
  await file.close();
  file = await RotatingFile.open(disk, { ...TARGET, backups: 0 }, null);
  await file.write(lines());
  writeFileSync(join(disk, 'others'), Buffer.alloc(72 * KiB));
  const next = lines();
  await file.write(next);
  expect(aside()).toEqual([]);
  expect(readFileSync(join(disk, 'flows.log'), 'utf8')).toBe(next);
});
