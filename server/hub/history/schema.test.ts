import { expect, it } from 'vitest';
import { createSchema, createTable, createView, localTable } from './schema.ts';
import { TABLES, VIEWS } from './tables.ts';

const TABLE = {
  name: 'edges',
  columns: ['minute DateTime', 'bytes UInt64'],
  engine: 'ReplacingMergeTree(bytes)',
  partition: 'toDate(minute)',
  primary: 'minute',
  order: 'minute, bytes',
  shard: 'cityHash64(minute)',
};

it('makes one table in one store', () => {
  expect(createTable({ database: 'spyglass', cluster: null }, TABLE)).toEqual([
    `CREATE TABLE IF NOT EXISTS edges (
  minute DateTime,
  bytes UInt64
)
ENGINE = ReplacingMergeTree(bytes)
PARTITION BY toDate(minute)
PRIMARY KEY (minute)
ORDER BY (minute, bytes)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`,
  ]);
});

it('makes a replicated and a distributed table in a cluster, and views between the replicated ones', () => {
  const place = { database: 'spy', cluster: "it's" };
  const { primary: _, ...table } = { ...TABLE, partition: null };
  expect(createTable(place, table)).toEqual([
    `CREATE TABLE IF NOT EXISTS edges_local ON CLUSTER 'it\\'s' (
  minute DateTime,
  bytes UInt64
)
ENGINE = ReplicatedReplacingMergeTree(bytes)
ORDER BY (minute, bytes)
SETTINGS replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`,
    "CREATE TABLE IF NOT EXISTS edges ON CLUSTER 'it\\'s' AS edges_local" +
      " ENGINE = Distributed('it\\'s', 'spy', 'edges_local', cityHash64(minute))",
  ]);
  const view = { name: 'hits_view', from: 'flows', to: 'hits', select: 'SELECT count() FROM flows GROUP BY flows' };
  expect(createView(place, view)).toBe(
    "CREATE MATERIALIZED VIEW IF NOT EXISTS hits_view ON CLUSTER 'it\\'s' TO hits_local AS\n" +
      'SELECT count() FROM flows_local GROUP BY flows',
  );
  expect(localTable(place, 'flows')).toBe('flows_local');
});

it('makes every table and view of history in a cluster', () => {
  const statements = createSchema({ database: 'spy', cluster: 'c' }, TABLES, VIEWS);
  expect(statements).toHaveLength(2 * TABLES.length + VIEWS.length);
  for (const statement of statements) expect(statement).toContain(" ON CLUSTER 'c' ");
  for (const { from, to } of VIEWS) {
    expect(statements.some((it) => it.includes(` TO ${to}_local AS`) && it.includes(`FROM ${from}_local`))).toBe(true);
  }
});
