import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ClickHouse } from './clickhouse.ts';
import { checkVersion, createDatabase, migrate, type Migration } from './migrate.ts';
import { createTable } from './schema.ts';
import type { SqlEngine } from './sql-engine.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const ABOUT = { store: 'The test store', by: '2.0' };
const place = { database: 'steps', cluster: null };

let store: TestStore;
let engine: ClickHouse;
beforeAll(async () => {
  store = await startTestStore();
  engine = await store.client(place.database);
});
afterAll(async () => store.end());

const first: Migration = {
  version: 1,
  statements: (at) =>
    createTable(at, { name: 't', columns: ['a UInt8'], engine: 'MergeTree', partition: null, order: 'a', shard: 'a' }),
};
const second: Migration = {
  version: 2,
  statements: () => ['ALTER TABLE t ADD COLUMN IF NOT EXISTS b UInt8 DEFAULT a + 1', 'INSERT INTO t (a) VALUES (7)'],
};

it('does each step once, from whatever version there is', async () => {
  expect(await migrate(engine, place, [first], { ...ABOUT, by: '1.0' })).toBe(1);
  await engine.command('INSERT INTO t (a) VALUES (1)');
  expect(await migrate(engine, place, [first, second], ABOUT)).toBe(1);
  expect(await migrate(engine, place, [first, second], ABOUT)).toBe(0);
  expect(await engine.rows('SELECT a, b FROM t ORDER BY a')).toEqual([
    { a: 1, b: 2 },
    { a: 7, b: 8 },
  ]);
  expect(await engine.rows('SELECT version, applied_by FROM schema_versions ORDER BY version')).toEqual([
    { version: 1, applied_by: '1.0' },
    { version: 2, applied_by: '2.0' },
  ]);
});

it('goes on with a step that was cut short', async () => {
  const broken: Migration = {
    version: 3,
    statements: () => ['CREATE TABLE IF NOT EXISTS u (a UInt8) ENGINE = Log', 'NONSENSE'],
  };
  const mended: Migration = { version: 3, statements: () => ['CREATE TABLE IF NOT EXISTS u (a UInt8) ENGINE = Log'] };
  await expect(migrate(engine, place, [first, second, broken], ABOUT)).rejects.toMatchObject({ code: 62 });
  expect(await migrate(engine, place, [first, second, mended], ABOUT)).toBe(1);
});

it('refuses a schema that is newer, and says whose it is', async () => {
  const refusal = migrate(engine, place, [first], { ...ABOUT, by: '1.0' });
  await expect(refusal).rejects.toThrow(
    'The test store holds history of schema 3, made by Spyglass 2.0; this is Spyglass 1.0, which knows schema 1.',
  );
});

it('makes the database unless it is there', async () => {
  const server = store.connect('');
  for (const _ of [1, 2]) await createDatabase(server, { database: 'new `one`', cluster: null });
  expect(await server.rows("SELECT name FROM system.databases WHERE name LIKE 'new%'")).toEqual([
    { name: 'new `one`' },
  ]);
});

it('refuses a server that is too old, by its own word', async () => {
  // Of another version there is no engine here; only what it says of itself differs.
  const saying = (version: string): Pick<SqlEngine, 'rows'> => ({ rows: async <Row>() => [{ version }] as Row[] });
  await expect(checkVersion(saying('24.10.3.21'), 'It')).rejects.toThrow(
    'It is ClickHouse 24.10.3.21; history takes 24.11',
  );
  await expect(checkVersion(saying('9.1'), 'It')).rejects.toThrow(/update it/);
  for (const version of ['24.11.1.1', '25.1.1', '100.0']) await checkVersion(saying(version), 'It');
  await checkVersion(engine, 'It');
});
