import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { ClickHouse } from './clickhouse.ts';
import { retain } from './retention.ts';
import { createSchema } from './schema.ts';
import { PARTITION_S, TABLES, VIEWS } from './tables.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const place = { database: 'kept', cluster: null };
const HOUR = 3600;
/** 2026-11-20 00:00:00. */
const BEGIN = 1_795_132_800;
const NOW = BEGIN + 48 * HOUR;
const FOR_EVER = { maxAgeS: 1000 * HOUR, maxBytes: Infinity };

let store: TestStore;
let engine: ClickHouse;
beforeAll(async () => {
  store = await startTestStore();
  engine = await store.client(place.database);
  for (const statement of createSchema(place, TABLES, VIEWS)) await engine.command(statement);
  // Twelve partitions are many files to wait for.
  const lazy = 'MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0';
  for (const { name } of TABLES) await engine.command(`ALTER TABLE ${name} ${lazy}`);
});
afterAll(async () => store.end());

/** Twelve intervals, each of a session of its own, with 40 kB of flows that do not compress. */
beforeEach(async () => {
  for (const { name } of TABLES) await engine.command(`TRUNCATE TABLE ${name}`);
  const interval = `toDateTime(${BEGIN} + number * ${PARTITION_S}, 'UTC')`;
  await engine.command(
    `INSERT INTO flows (arrived, time, session, record) SELECT ${interval} AS at, at, number, randomString(40000) FROM numbers(12)`,
  );
  // The last minute of each.
  await engine.command(
    `INSERT INTO node_1m (minute, session, node) SELECT ${interval} + ${PARTITION_S - 60}, number, 'demo' FROM numbers(12)`,
  );
  await engine.command(`INSERT INTO sessions (session, seen) SELECT number, ${interval} FROM numbers(12)`);
  await engine.command("INSERT INTO names (session, kind, key) SELECT number, 'service', 'api' FROM numbers(12)");
});

const numbers = async (sql: string): Promise<number[]> =>
  (await engine.rows<{ n: string }>(sql)).map(({ n }) => Number(n));
const sessionsOf = async (table: string): Promise<number[]> =>
  numbers(`SELECT DISTINCT session AS n FROM ${table} ORDER BY n`);
const from = (first: number): number[] => Array.from({ length: 12 - first }, (_, i) => first + i);

it('keeps all within the limits', async () => {
  const kept = await retain(engine, place, FOR_EVER, NOW);
  expect(kept).toMatchObject({ dropped: { intervals: 0, rows: 0, bytes: 0 }, oldest: BEGIN });
  expect(kept.bytes).toBeGreaterThan(480_000);
  expect(await sessionsOf('flows')).toEqual(from(0));
});

it('drops intervals whose end has passed the age, of all tables, with what only they needed', async () => {
  const old = await retain(engine, place, { ...FOR_EVER, maxAgeS: 28 * HOUR }, NOW);
  // The interval from 16 to 20 o'clock ended 28 hours ago, and not longer.
  expect(old).toMatchObject({ dropped: { intervals: 4 }, oldest: BEGIN + 4 * PARTITION_S });
  const older = await retain(engine, place, { ...FOR_EVER, maxAgeS: 28 * HOUR - 1 }, NOW);
  // Of each interval a flow, its sum by a view, and a row of the node.
  expect(older).toMatchObject({ dropped: { intervals: 1, rows: 3 }, oldest: BEGIN + 5 * PARTITION_S });
  for (const table of ['flows', 'flows_1m', 'node_1m', 'sessions', 'names']) {
    expect(await sessionsOf(table), table).toEqual(from(5));
  }
});

it('keeps sessions that were heard of lately, or have rows', async () => {
  await engine.command(
    `INSERT INTO sessions (session, seen) VALUES (100, toDateTime(${NOW - HOUR})), (200, toDateTime(${BEGIN}))`,
  );
  await engine.command(`INSERT INTO edges_1m (minute, session) VALUES (${NOW}, 200)`);
  await retain(engine, place, { ...FOR_EVER, maxAgeS: 24 * HOUR }, NOW);
  expect(await sessionsOf('sessions')).toEqual([...from(5), 100, 200]);
});

it('drops the oldest until the bytes are within their budget', async () => {
  const kept = await retain(engine, place, { ...FOR_EVER, maxBytes: 250_000 }, NOW);
  expect(kept.bytes).toBeLessThanOrEqual(250_000);
  expect(kept.bytes).toBeGreaterThan(200_000);
  expect(kept.dropped.bytes).toBeGreaterThan(240_000);
  expect(kept.oldest).toBe(BEGIN + kept.dropped.intervals * PARTITION_S);
  expect(await sessionsOf('flows')).toEqual(from(kept.dropped.intervals));
});

it('keeps the newest interval, however small the budget, unless it is too old', async () => {
  await retain(engine, place, { ...FOR_EVER, maxBytes: 1 }, NOW);
  expect(await sessionsOf('flows')).toEqual([11]);
  const kept = await retain(engine, place, { ...FOR_EVER, maxAgeS: HOUR }, NOW + 2 * HOUR);
  expect(kept).toMatchObject({ dropped: { intervals: 1 }, oldest: null });
  expect(await sessionsOf('flows')).toEqual([]);
});

it('drops what arrived while the clock was ahead before what arrives now', async () => {
  const now = BEGIN + 10 * PARTITION_S;
  await retain(engine, place, { ...FOR_EVER, maxBytes: 1 }, now);
  expect(await sessionsOf('flows')).toEqual([10]);
});

it('finds what is too old also beside what arrived while the clock was ahead', async () => {
  const now = BEGIN + 10 * PARTITION_S;
  const kept = await retain(engine, place, { ...FOR_EVER, maxAgeS: 8 * HOUR }, now);
  expect(kept).toMatchObject({ dropped: { intervals: 7 }, oldest: BEGIN + 7 * PARTITION_S });
});
