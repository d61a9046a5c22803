/** Keeps history within an age and a size: whole partitions are dropped, the oldest first, over all tables together. */
import { type SchemaPlace, localTable, onCluster, quoted, tableOf } from './schema.ts';
import type { SqlEngine } from './sql-engine.ts';

export interface RetentionLimits {
  /** What ended longer ago goes, s. */
  maxAgeS: number;
  /** On disk, over all nodes and replicas. The newest partition of a table stays, however large. */
  maxBytes: number;
}

export interface Retained {
  /** What was dropped. */
  dropped: { partitions: number; rows: number; bytes: number };
  /** What stays. */
  rows: number;
  bytes: number;
  /** The oldest row that stays of each table that is partitioned by time, s since 1970. */
  oldest: ReadonlyMap<string, number>;
}

interface Partition {
  table: string;
  id: string;
  /** s since 1970; both 0 in tables that are not partitioned by time. */
  begin: number;
  end: number;
  rows: number;
  bytes: number;
}

/** `nowS`: s since 1970. Throws StoreError; what was dropped until then stays dropped, and the next call goes on. */
export async function retain(
  engine: SqlEngine,
  place: SchemaPlace,
  { maxAgeS, maxBytes }: RetentionLimits,
  nowS: number,
): Promise<Retained> {
  const partitions = await listPartitions(engine, place);
  const newest = new Map<string, number>();
  for (const { table, end } of partitions) newest.set(table, Math.max(end, newest.get(table) ?? 0));
  const kept = new Set(partitions);
  const dropped = { partitions: 0, rows: 0, bytes: 0 };
  let bytes = sum(kept, 'bytes');
  for (const partition of partitions.filter(({ end }) => end > 0)) {
    const isOld = partition.end < nowS - maxAgeS;
    const isTooMuch = bytes > maxBytes && partition.end < (newest.get(partition.table) ?? 0);
    if (!isOld && !isTooMuch) continue;
    await engine.command(
      `ALTER TABLE ${localTable(place, partition.table)}${onCluster(place)} DROP PARTITION ID ${quoted(partition.id)}`,
    );
    kept.delete(partition);
    bytes -= partition.bytes;
    dropped.partitions++;
    dropped.rows += partition.rows;
    dropped.bytes += partition.bytes;
  }
  const oldest = new Map<string, number>();
  // The newest first, so that the oldest has the last word.
  for (const { table, begin, end } of [...kept].toReversed()) if (end > 0) oldest.set(table, begin);
  return { dropped, rows: sum(kept, 'rows'), bytes, oldest };
}

/**
 * The oldest first. Replicas hold parts of the same name and content: their bytes are added up, their rows are not.
 */
async function listPartitions(engine: SqlEngine, place: SchemaPlace): Promise<Partition[]> {
  const { cluster, database } = place;
  const parts = cluster === null ? 'system.parts' : `clusterAllReplicas(${quoted(cluster)}, system.parts)`;
  const rows = await engine.rows<Record<keyof Partition, string | number>>(
    `SELECT table, id, min(begin) AS begin, max(end) AS end, sum(rows) AS rows, sum(bytes) AS bytes FROM (
      SELECT table, partition_id AS id, name, toUInt32(any(min_time)) AS begin, toUInt32(any(max_time)) AS end,
        any(rows) AS rows, sum(bytes_on_disk) AS bytes
      FROM ${parts} WHERE database = ${quoted(database)} AND active GROUP BY table, id, name, hash_of_all_files
    ) GROUP BY table, id ORDER BY end, table, id`,
  );
  return rows.map(({ table, id, begin, end, rows: count, bytes }) => ({
    table: tableOf(place, String(table)),
    id: String(id),
    begin: Number(begin),
    end: Number(end),
    rows: Number(count),
    bytes: Number(bytes),
  }));
}

function sum(partitions: Iterable<Partition>, field: 'rows' | 'bytes'): number {
  let total = 0;
  for (const partition of partitions) total += partition[field];
  return total;
}
