import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ClickHouse } from './clickhouse.ts';
import { retain } from './retention.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

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
});
afterAll(async () => store.end());

beforeEach(async () => {
  for (const table of ['flows', 'rollup', 'names']) await engine.command(`DROP TABLE IF EXISTS ${table}`);
  await engine.command(
    `CREATE TABLE flows (time DateTime64(9, 'UTC'), record String) ENGINE = MergeTree
      PARTITION BY toStartOfInterval(time, INTERVAL 4 HOUR) ORDER BY time`,
  );
  await engine.command(
    "CREATE TABLE rollup (minute DateTime('UTC')) ENGINE = MergeTree PARTITION BY toDate(minute) ORDER BY minute",
  );
  await engine.command('CREATE TABLE names (name String) ENGINE = MergeTree ORDER BY name');
  // Of each hour of two days, one flow of 10 kB that does not compress.
  await engine.command(
    `INSERT INTO flows SELECT toDateTime64(${BEGIN} + number * ${HOUR}, 9, 'UTC'), randomString(10000) FROM numbers(48)`,
  );
  await engine.command(`INSERT INTO rollup SELECT toDateTime(${BEGIN} + number * ${HOUR}, 'UTC') FROM numbers(48)`);
  await engine.command("INSERT INTO names VALUES ('web')");
});

it('keeps all within the limits', async () => {
  const kept = await retain(engine, place, FOR_EVER, NOW);
  expect(kept).toMatchObject({ dropped: { partitions: 0, rows: 0, bytes: 0 }, rows: 97 });
  expect(Object.fromEntries(kept.oldest)).toEqual({ flows: BEGIN, rollup: BEGIN });
  expect(kept.bytes).toBeGreaterThan(480_000);
});

it('drops partitions that have passed the age as a whole', async () => {
  // 25.5 hours back is half past 22: the partition of 20 to 24 is not over yet.
  const kept = await retain(engine, place, { ...FOR_EVER, maxAgeS: 25.5 * HOUR }, NOW);
  expect(kept).toMatchObject({ dropped: { partitions: 5, rows: 20 }, rows: 77 });
  expect(Object.fromEntries(kept.oldest)).toEqual({ flows: BEGIN + 20 * HOUR, rollup: BEGIN });
  expect(await engine.rows('SELECT toUnixTimestamp(min(time)) AS t, count() AS n FROM flows')).toEqual([
    { t: BEGIN + 20 * HOUR, n: '28' },
  ]);
  expect(await retain(engine, place, { ...FOR_EVER, maxAgeS: 24 * HOUR }, NOW)).toMatchObject({
    dropped: { partitions: 2, rows: 28 },
    oldest: new Map([
      ['flows', BEGIN + 24 * HOUR],
      ['rollup', BEGIN + 24 * HOUR],
    ]),
  });
});

it('drops the oldest until the bytes are within their budget', async () => {
  const kept = await retain(engine, place, { ...FOR_EVER, maxBytes: 250_000 }, NOW);
  expect(kept.bytes).toBeLessThanOrEqual(250_000);
  expect(kept.bytes).toBeGreaterThan(200_000);
  // Six of the first day are enough; the rollup of that day has not ended before them.
  expect(kept.dropped).toMatchObject({ partitions: 6, rows: 24 });
  expect(Object.fromEntries(kept.oldest)).toEqual({ flows: BEGIN + 24 * HOUR, rollup: BEGIN });
  expect(kept.dropped.bytes).toBeGreaterThan(240_000);
});

it('keeps the newest partition and what has no time, however small the budget', async () => {
  const kept = await retain(engine, place, { ...FOR_EVER, maxBytes: 1 }, NOW);
  expect(kept.rows).toBe(4 + 24 + 1);
  expect(Object.fromEntries(kept.oldest)).toEqual({ flows: BEGIN + 44 * HOUR, rollup: BEGIN + 24 * HOUR });
  expect(await engine.rows('SELECT name FROM names')).toEqual([{ name: 'web' }]);
});
