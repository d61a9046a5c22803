import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type StoreOptions, openStore } from './open-store.ts';
import { parseStore } from './store-choice.ts';
import { TABLES } from './tables.ts';
import { testFolder } from './testing/test-store.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let folder: string;
let logged: { msg: string; problem?: string }[];
let options: StoreOptions;

beforeEach(() => {
  folder = testFolder();
  logged = [];
  const log = pino({}, { write: (line) => logged.push(JSON.parse(line) as (typeof logged)[number]) });
  options = { limits: { maxAgeS: 3600, maxBytes: 2 ** 30 }, isAsked: true, version: '1.2', log };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('chdb', () => {
  it('has its tables once it is prepared, also a second time', async () => {
    const store = await openStore(parseStore(`chdb:${folder}/new`), options);
    if (store === null) throw new Error('no store');
    try {
      for (const _ of [1, 2]) await store.prepare();
      const tables = await store.engine.rows<{ name: string }>(
        "SELECT name FROM system.tables WHERE database = 'spyglass'",
      );
      expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(TABLES.map(({ name }) => name)));
    } finally {
      await store.close();
    }
    await expect(store.engine.rows('SELECT 1')).rejects.toThrow(
      /^chdb in .*\/new cannot be reached: it was stopped\.$/,
    );
    expect(existsSync(join(folder, 'new', 'socket'))).toBe(false);
  });

  it('is refused where it was asked for and cannot be, and otherwise left out with a word', async () => {
    const first = await openStore(parseStore(`chdb:${folder}`), options);
    const choice = parseStore(`chdb:${folder}`);
    await expect(openStore(choice, options)).rejects.toThrow(/^History in .* does not start: another hub uses/);
    expect(await openStore(choice, { ...options, isAsked: false })).toBeNull();
    expect(logged).toContainEqual(
      expect.objectContaining({
        msg: 'history is kept in memory only',
        problem: expect.stringContaining('another hub uses') as string,
      }),
    );
    await first?.close();
  });

  it('says how to install what is missing', async () => {
    process.env['CHDB_LIBCHDB_PATH'] = '/nowhere';
    try {
      const choice = parseStore(`chdb:${folder}`);
      await expect(openStore(choice, options)).rejects.toThrow(/not installed.*"npm install --no-save chdb"/);
      expect(await openStore(choice, { ...options, isAsked: false })).toBeNull();
      expect(logged.filter(({ msg }) => msg === 'history is kept in memory only')).toHaveLength(1);
    } finally {
      delete process.env['CHDB_LIBCHDB_PATH'];
    }
  });

  it('ends its start when it is told to', async () => {
    const stopping = new AbortController();
    const opening = openStore(parseStore(`chdb:${folder}`), { ...options, signal: stopping.signal });
    stopping.abort();
    await expect(opening).rejects.toThrow(/it was stopped/);
  });
});

describe('a server', () => {
  it('that does not answer, or is none, fails with its name and without its password', async () => {
    const odd = createServer((socket) => socket.end('SSH-2.0-odd\r\n'));
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as AddressInfo;
    const store = await openStore(parseStore(`clickhouse://me:secret@127.0.0.1:${port}`), options);
    const noClickHouse: unknown = await store?.prepare().catch((error: unknown) => error);
    expect(noClickHouse).toMatchObject({
      problem: 'unreachable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    odd.close();
    const nobody: unknown = await store?.prepare().catch((error: unknown) => error);
    expect(nobody).toMatchObject({ problem: 'unreachable', message: expect.stringContaining('ECONNREFUSED') });
    await store?.close();
    for (const error of [noClickHouse, nobody] as Error[])
      expect(`${error.stack} ${String(error.cause)}`).not.toContain('secret');
    expect(JSON.stringify(logged)).not.toContain('secret');
  });
});

it('memory is none', async () => {
  expect(await openStore(parseStore('memory'), options)).toBeNull();
});
