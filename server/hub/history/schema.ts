/**
 * Statements that make tables, for one store and for a cluster of them. In a cluster a table `t` is two: `t_local` on
 * each node, replicated within its shard, and `t`, Distributed over all (https://clickhouse.com/docs/engines/table-engines/special/distributed).
 */
import type { TableDefinition, ViewDefinition } from './tables.ts';

export interface SchemaPlace {
  database: string;
  /** Name of the cluster in the servers' remote_servers, null if there is one store. */
  cluster: string | null;
}

/**
 * What an insert needs so that a repeated one is taken once, and so that it outlives a loss of power: without fsync a
 * part is safe from the end of our processes only. On the same disk, fsync costs 2 to 3 ms an insert.
 */
const WINDOW = 1000;
const FSYNC = 'fsync_after_insert = 1, fsync_part_directory = 1';

/** CREATE TABLE IF NOT EXISTS, as one statement or, in a cluster, two. */
export function createTable(place: SchemaPlace, table: TableDefinition): string[] {
  const { cluster, database } = place;
  const { name, columns, engine, partition, primary, order, shard, settings } = table;
  const local = localTable(place, name);
  const on = onCluster(place);
  const replicated = cluster === null ? '' : 'Replicated';
  const window = cluster === null ? 'non_replicated_deduplication_window' : 'replicated_deduplication_window';
  const create = [
    `CREATE TABLE IF NOT EXISTS ${local}${on} (\n  ${columns.join(',\n  ')}\n)`,
    `ENGINE = ${replicated}${engine}`,
    ...(partition === null ? [] : [`PARTITION BY ${partition}`]),
    ...(primary === undefined ? [] : [`PRIMARY KEY (${primary})`]),
    `ORDER BY (${order})`,
    `SETTINGS ${window} = ${WINDOW}, ${FSYNC}${settings === undefined ? '' : `, ${settings}`}`,
  ].join('\n');
  if (cluster === null) return [create];
  const parts = [cluster, database, local].map(quoted).join(', ');
  return [create, `CREATE TABLE IF NOT EXISTS ${name}${on} AS ${local} ENGINE = Distributed(${parts}, ${shard})`];
}

/** CREATE MATERIALIZED VIEW; in a cluster, from and to the tables of each node. */
export function createView(place: SchemaPlace, { name, from, to, select }: ViewDefinition): string {
  const source = select.replaceAll(new RegExp(`\\bFROM ${from}\\b`, 'g'), `FROM ${localTable(place, from)}`);
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name}${onCluster(place)} TO ${localTable(place, to)} AS\n${source}`;
}

/** All of them, in the order to run them. */
export function createSchema(
  place: SchemaPlace,
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): string[] {
  return [...tables.flatMap((table) => createTable(place, table)), ...views.map((view) => createView(place, view))];
}

/** The table that holds the rows: what ALTER and views are about. */
export const localTable = ({ cluster }: SchemaPlace, name: string): string =>
  cluster === null ? name : `${name}_local`;

/** `ON CLUSTER 'name'` with a space before it, or nothing. */
export const onCluster = ({ cluster }: SchemaPlace): string =>
  cluster === null ? '' : ` ON CLUSTER ${quoted(cluster)}`;

/** A literal. */
export const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;

/** An identifier. */
export const named = (text: string): string => `\`${text.replaceAll(/[\\`]/g, '\\$&')}\``;
