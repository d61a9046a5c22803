import { expect, it } from 'vitest';
import { createTable, createView, localTable, tableOf } from './schema.ts';

const TABLE = {
  name: 'edges_1m',
  columns: 'minute DateTime, bytes UInt64',
  engine: 'ReplacingMergeTree(bytes)',
  partitionBy: 'toDate(minute)',
  orderBy: '(minute)',
  shardBy: 'cityHash64(minute)',
};

it('makes one table in one store', () => {
  expect(createTable({ database: 'spyglass', cluster: null }, TABLE)).toEqual([
    'CREATE TABLE IF NOT EXISTS edges_1m (minute DateTime, bytes UInt64) ENGINE = ReplacingMergeTree(bytes)' +
      ' PARTITION BY toDate(minute) ORDER BY (minute)' +
      ' SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1',
  ]);
});

it('makes a replicated and a distributed table in a cluster, and views between the replicated ones', () => {
  const place = { database: 'spy', cluster: "it's" };
  expect(createTable(place, TABLE)).toEqual([
    "CREATE TABLE IF NOT EXISTS edges_1m_local ON CLUSTER 'it\\'s' (minute DateTime, bytes UInt64)" +
      ' ENGINE = ReplicatedReplacingMergeTree(bytes) PARTITION BY toDate(minute) ORDER BY (minute)' +
      ' SETTINGS replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1',
    "CREATE TABLE IF NOT EXISTS edges_1m ON CLUSTER 'it\\'s' AS edges_1m_local" +
      " ENGINE = Distributed('it\\'s', 'spy', 'edges_1m_local', cityHash64(minute))",
  ]);
  expect(createView(place, 'hits_view', 'flows', 'hits', 'SELECT count() FROM {from}')).toBe(
    "CREATE MATERIALIZED VIEW IF NOT EXISTS hits_view ON CLUSTER 'it\\'s' TO hits_local AS SELECT count() FROM flows_local",
  );
  expect(localTable(place, 'flows')).toBe('flows_local');
  expect(tableOf(place, 'flows_local')).toBe('flows');
});
