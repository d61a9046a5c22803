/** How much the store holds. */
import { formatTime } from '../../flows/timestamp.ts';
import { TABLES } from './tables.ts';
import type { SqlEngine } from './sql-engine.ts';

export interface StoreSize {
  /** Flows. */
  rows: number;
  /** On disk, all tables. */
  bytes: number;
  /** Time of the oldest flow, RFC 3339; null if there is none. */
  oldest: string | null;
}

/** Reads no more than what the store knows of its parts, and the first rows of the oldest. */
export async function readSize(engine: SqlEngine): Promise<StoreSize> {
  const [parts] = await engine.rows<{ flows: string; disk: string }>(
    `SELECT sumIf(rows, table = 'flows') AS flows, sum(bytes_on_disk) AS disk FROM system.parts
    WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}`,
    { tables: TABLES.map(({ name }) => name) },
  );
  const [first] = await engine.rows<{ ns: string }>(
    'SELECT toUnixTimestamp64Nano(time) AS ns FROM flows ORDER BY time LIMIT 1',
  );
  return {
    rows: Number(parts?.flows ?? 0),
    bytes: Number(parts?.disk ?? 0),
    oldest: first === undefined ? null : formatTime(BigInt(first.ns)),
  };
}
