/** Brings the schema of a store to the version that this hub knows. */
import { Failure } from '../../base/failure.ts';
import { type SchemaPlace, createTable, named, onCluster, quoted } from './schema.ts';
import type { SqlEngine } from './sql-engine.ts';
import type { TableDefinition } from './tables.ts';

/** One step of the schema. Never changed once it was released: what comes later is another step. */
export interface Migration {
  /** 1, 2, 3, ... */
  version: number;
  /**
   * Each has to do nothing where it was done already (IF NOT EXISTS): a step that was cut short is done again from its
   * start, and two hubs may do it at once.
   */
  statements: (place: SchemaPlace) => readonly string[];
}

const VERSIONS: TableDefinition = {
  name: 'schema_versions',
  columns: ['version UInt32', 'applied DateTime DEFAULT now()', 'applied_by String'],
  engine: 'MergeTree',
  partition: null,
  order: 'version',
  shard: 'version',
};

/** Older ones end an answer that was broken off like one that is whole. */
const LEAST_VERSION = [24, 11] as const;

/** Throws a Failure if the store is too old; throws StoreError. `store` is what it is called. */
export async function checkVersion(engine: Pick<SqlEngine, 'rows'>, store: string): Promise<void> {
  const [row] = await engine.rows<{ version: string }>('SELECT version() AS version');
  const version = row?.version ?? 'of no version';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor >= LEAST_VERSION[1])) return;
  throw new Failure(`${store} is ClickHouse ${version}; history takes ${LEAST_VERSION.join('.')} or newer: update it.`);
}

/** Makes the database if there is none. `engine` is one without a database, which might not be there yet. */
export async function createDatabase(engine: SqlEngine, place: SchemaPlace): Promise<void> {
  // Where the user may not make databases, one that is there will do.
  const found = await engine.rows('SELECT name FROM system.databases WHERE name = {name:String}', {
    name: place.database,
  });
  if (found.length === 0)
    await engine.command(`CREATE DATABASE IF NOT EXISTS ${named(place.database)}${onCluster(place)}`);
}

/**
 * Does the steps that were not done yet, in order, and notes each. Returns how many. Throws a Failure, and changes
 * nothing, if the schema is newer than the last step; throws StoreError.
 */
export async function migrate(
  engine: SqlEngine,
  place: SchemaPlace,
  steps: readonly Migration[],
  { store, by }: { store: string; by: string },
): Promise<number> {
  for (const statement of createTable(place, VERSIONS)) await engine.command(statement);
  const done = await engine.rows<{ version: number; applied_by: string }>(
    `SELECT version, applied_by FROM ${VERSIONS.name} ORDER BY version DESC LIMIT 1`,
  );
  const { version: current, applied_by: former } = done[0] ?? { version: 0, applied_by: '' };
  const newest = steps.at(-1)?.version ?? 0;
  if (current > newest) {
    throw new Failure(
      `${store} holds history of schema ${current}, made by Spyglass ${former}; this is Spyglass ${by}, which knows schema ${newest}. Run the newer Spyglass, or give this one another place with --store.`,
    );
  }
  const open = steps.filter(({ version }) => version > current);
  for (const { version, statements } of open) {
    for (const statement of statements(place)) await engine.command(statement);
    await engine.command(
      `INSERT INTO ${VERSIONS.name} (version, applied_by) SETTINGS distributed_foreground_insert = 1 SELECT ${version}, ${quoted(by)}`,
    );
  }
  return open.length;
}
