/**
 * Keeps history within an age and a size. What goes is an interval of PARTITION_S, the oldest first, of all tables: as a
 * whole partition, which costs next to nothing and frees its space at once.
 */
import { type SchemaPlace, localTable, onCluster, quoted } from './schema.ts';
import type { SqlEngine } from './sql-engine.ts';
import { PARTITION_S, TABLES } from './tables.ts';

export interface RetentionLimits {
  /** Intervals that ended longer ago go, s. */
  maxAgeS: number;
  /** On disk, over all nodes and replicas. The newest interval stays, however large. */
  maxBytes: number;
}

export interface Retained {
  dropped: { intervals: number; rows: number; bytes: number };
  /** On disk, of what stays. */
  bytes: number;
  /** Begin of the oldest interval that stays, s since 1970; null if there is none. */
  oldest: number | null;
}

interface Partition {
  /** As it is called where its rows are. */
  table: string;
  id: string;
  /** Begin of its interval, s since 1970. */
  begin: number;
  rows: number;
  bytes: number;
}

const PARTITIONED = TABLES.filter(({ partition }) => partition !== null).map(({ name }) => name);
const MAX_SESSIONS = 1000;
/** A session that was heard of lately may have its first rows on the way. */
const LATELY_S = 24 * 3600;

/** `nowS`: s since 1970. Throws StoreError; what was dropped until then stays dropped, and the next call goes on. */
export async function retain(
  engine: SqlEngine,
  place: SchemaPlace,
  { maxAgeS, maxBytes }: RetentionLimits,
  nowS: number,
): Promise<Retained> {
  const { partitions, others } = await listPartitions(engine, place);
  const intervals = [...new Set(partitions.map(({ begin }) => begin))].toSorted(byAge(nowS));
  const kept = new Set(intervals);
  const dropped = { intervals: 0, rows: 0, bytes: 0 };
  let bytes = partitions.reduce((sum, partition) => sum + partition.bytes, others);
  for (const begin of intervals) {
    const isOld = begin + PARTITION_S < nowS - maxAgeS;
    const isTooMuch = bytes > maxBytes && begin !== intervals.at(-1);
    if (!isOld && !isTooMuch) continue;
    for (const partition of partitions.filter((it) => it.begin === begin)) {
      await engine.command(
        `ALTER TABLE ${partition.table}${onCluster(place)} DROP PARTITION ID ${quoted(partition.id)}`,
      );
      bytes -= partition.bytes;
      dropped.bytes += partition.bytes;
      dropped.rows += partition.rows;
    }
    kept.delete(begin);
    dropped.intervals++;
  }
  if (dropped.intervals > 0) await forgetSessions(engine, place, nowS);
  return { dropped, bytes, oldest: kept.size === 0 ? null : Math.min(...kept) };
}

/**
 * The oldest first. What begins later than now arrived while the hub's clock was wrong: no age makes it go, but what is
 * written now must not go before it.
 */
function byAge(nowS: number): (a: number, b: number) => number {
  return (a, b) => Number(b > nowS) - Number(a > nowS) || a - b;
}

/** `others`: bytes of what has no partitions. Replicas hold parts of the same name and content: their rows count once. */
async function listPartitions(
  engine: SqlEngine,
  place: SchemaPlace,
): Promise<{ partitions: Partition[]; others: number }> {
  const { cluster, database } = place;
  const parts = cluster === null ? 'system.parts' : `clusterAllReplicas(${quoted(cluster)}, system.parts)`;
  const rows = await engine.rows<Record<keyof Partition, string | number>>(
    `SELECT table, id, min(part_begin) AS begin, sum(part_rows) AS rows, sum(part_bytes) AS bytes FROM (
      SELECT table, partition_id AS id, toUnixTimestamp(any(min_time)) AS part_begin, any(rows) AS part_rows,
        sum(bytes_on_disk) AS part_bytes
      FROM ${parts} WHERE database = ${quoted(database)} AND active GROUP BY table, id, name, hash_of_all_files
    ) GROUP BY table, id`,
  );
  const ours = new Set(PARTITIONED.map((name) => localTable(place, name)));
  const partitions: Partition[] = [];
  let others = 0;
  for (const { table, id, begin, rows: count, bytes } of rows) {
    if (!ours.has(String(table))) {
      others += Number(bytes);
      continue;
    }
    partitions.push({
      table: String(table),
      id: String(id),
      begin: Math.floor(Number(begin) / PARTITION_S) * PARTITION_S,
      rows: Number(count),
      bytes: Number(bytes),
    });
  }
  return { partitions, others };
}

/** Removes sessions that no row is of any more, and their names. */
async function forgetSessions(engine: SqlEngine, place: SchemaPlace, nowS: number): Promise<void> {
  const inUse = PARTITIONED.map((table) => `SELECT session FROM ${table}`).join(' UNION DISTINCT ');
  const gone = await engine.rows<{ session: string }>(
    `SELECT DISTINCT session FROM sessions
    WHERE seen < toDateTime({before:UInt32}, 'UTC') AND session NOT IN (${inUse}) LIMIT ${MAX_SESSIONS}`,
    { before: nowS - LATELY_S },
  );
  if (gone.length === 0) return;
  const list = gone.map(({ session }) => BigInt(session)).join(', ');
  // Names first: a session that is still there is found again.
  for (const table of ['names', 'sessions']) {
    await engine.command(`DELETE FROM ${localTable(place, table)}${onCluster(place)} WHERE session IN (${list})`);
  }
}
