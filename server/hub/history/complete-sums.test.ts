import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import type { ClickHouse } from './clickhouse.ts';
import { completeSums } from './complete-sums.ts';
import { createSchema } from './schema.ts';
import { TABLES, VIEWS } from './tables.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const place = { database: 'sums', cluster: null };
/** 2026-11-20 00:00:00. */
const BEGIN = 1_795_132_800;

let store: TestStore;
let engine: ClickHouse;
beforeAll(async () => {
  store = await startTestStore();
  engine = await store.client(place.database);
  for (const statement of createSchema(place, TABLES, VIEWS)) await engine.command(statement);
});
afterAll(async () => store.end());

/** Flows of three minutes, two of each three with a rule, from this number of a flow on. */
const insert = async (from: number, count: number): Promise<void> =>
  engine.command(
    `INSERT INTO flows (arrived, time, session, sequence, node, type, verdict, ingress_rule)
      SELECT toDateTime(${BEGIN}, 'UTC'), toDateTime(${BEGIN} + number, 'UTC'), 7, number, 'demo', ${RECORD_TYPE.NEW}, 1, number % 3
      FROM numbers(${from}, ${count})`,
  );
const sums = async (): Promise<unknown[]> => [
  ...(await engine.rows('SELECT minute, sum(flows) AS flows FROM flows_1m GROUP BY minute ORDER BY minute')),
  ...(await engine.rows(
    'SELECT minute, rule, sum(hits) AS hits, max(last) AS last FROM policy_1m GROUP BY minute, rule ORDER BY minute, rule',
  )),
];

it('adds what the sums of a block lack, and nothing where they are whole', async () => {
  await completeSums(engine);
  await insert(0, 100);
  await insert(100, 80);
  const whole = await sums();
  expect(whole).toHaveLength(9);
  await completeSums(engine);
  expect(await sums()).toEqual(whole);

  for (const { name } of TABLES) await engine.command(`TRUNCATE TABLE ${name}`);
  await insert(0, 100);
  for (const { name } of VIEWS) await engine.command(`DETACH TABLE ${name}`);
  await insert(100, 80);
  for (const { name } of VIEWS) await engine.command(`ATTACH TABLE ${name}`);
  expect(await sums()).not.toEqual(whole);
  for (const _ of [1, 2]) {
    await completeSums(engine);
    expect(await sums()).toEqual(whole);
  }
});
