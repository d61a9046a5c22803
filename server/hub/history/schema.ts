/**
 * Statements that make tables, for one store and for a cluster of them. In a cluster a table `t` is two: `t_local` on
 * each node, replicated within its shard, and `t`, Distributed over all (https://clickhouse.com/docs/engines/table-engines/special/distributed).
 */
export interface SchemaPlace {
  database: string;
  /** Name of the cluster in the servers' remote_servers, null if there is one store. */
  cluster: string | null;
}

export interface TableSpec {
  name: string;
  /** `a UInt8, b String`, and indexes. */
  columns: string;
  /** Of the MergeTree family, such as `ReplacingMergeTree(seen)`. */
  engine: string;
  /** Intervals of a time column, so that retention can drop them; left out: kept for good. */
  partitionBy?: string;
  orderBy: string;
  /** Which shard of a cluster a row goes to, a number. What is merged by its key has to be on one shard. */
  shardBy: string;
  settings?: string;
}

/**
 * What an insert needs so that a repeated one is taken once, and so that it outlives a loss of power: without fsync a
 * part is safe from the end of our processes only. On the same disk, fsync costs 2 to 3 ms an insert.
 */
const WINDOW = 1000;
const FSYNC = 'fsync_after_insert = 1, fsync_part_directory = 1';

/** CREATE TABLE IF NOT EXISTS, as one statement or, in a cluster, two. */
export function createTable(place: SchemaPlace, table: TableSpec): string[] {
  const { cluster, database } = place;
  const { name, columns, engine, partitionBy, orderBy, shardBy, settings } = table;
  const partition = partitionBy === undefined ? '' : ` PARTITION BY ${partitionBy}`;
  const more = settings === undefined ? '' : `, ${settings}`;
  const body = (kind: string, window: string): string =>
    `(${columns}) ENGINE = ${kind}${partition} ORDER BY ${orderBy} SETTINGS ${window} = ${WINDOW}, ${FSYNC}${more}`;
  if (cluster === null)
    return [`CREATE TABLE IF NOT EXISTS ${name} ${body(engine, 'non_replicated_deduplication_window')}`];
  const on = onCluster(place);
  const local = localTable(place, name);
  return [
    `CREATE TABLE IF NOT EXISTS ${local}${on} ${body(`Replicated${engine}`, 'replicated_deduplication_window')}`,
    `CREATE TABLE IF NOT EXISTS ${name}${on} AS ${local} ENGINE = Distributed(${[cluster, database, local].map(quoted).join(', ')}, ${shardBy})`,
  ];
}

/** A view that fills table `to` from what is inserted into `from`; `select` writes `{from}` for its name. */
export function createView(place: SchemaPlace, name: string, from: string, to: string, select: string): string {
  const source = select.replaceAll('{from}', localTable(place, from));
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name}${onCluster(place)} TO ${localTable(place, to)} AS ${source}`;
}

/** The table that holds the rows: what ALTER and views are about. */
export const localTable = ({ cluster }: SchemaPlace, name: string): string =>
  cluster === null ? name : `${name}_local`;

/** The name that `localTable` made this of. */
export const tableOf = ({ cluster }: SchemaPlace, local: string): string =>
  cluster === null ? local : local.replace(/_local$/, '');

/** `ON CLUSTER 'name'` with a space before it, or nothing. */
export const onCluster = ({ cluster }: SchemaPlace): string =>
  cluster === null ? '' : ` ON CLUSTER ${quoted(cluster)}`;

/** A literal. */
export const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;

/** An identifier. */
export const named = (text: string): string => `\`${text.replaceAll(/[\\`]/g, '\\$&')}\``;
