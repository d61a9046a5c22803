/** Opens what --store names: the client, the process behind it if it is ours, its schema, and what keeps it in bounds. */
import type { Logger } from 'pino';
import { Failure, sentence } from '../../base/failure.ts';
import { StoreProcess, isChdbInstalled } from './chdb/store-process.ts';
import { storeSocket } from './chdb/store-messages.ts';
import { ClickHouse, type StorePlace } from './clickhouse.ts';
import { completeSums } from './complete-sums.ts';
import { checkVersion, createDatabase, migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { type RetentionLimits, retain } from './retention.ts';
import type { SchemaPlace } from './schema.ts';
import type { SqlEngine } from './sql-engine.ts';
import type { StoreChoice } from './store-choice.ts';

const RETAIN_MS = 60_000;
const DATABASE = 'spyglass';
const INSTALL = 'npm install --no-save chdb';

export interface OpenStore {
  readonly kind: 'chdb' | 'clickhouse';
  /** What errors call it; without password. */
  readonly name: string;
  readonly engine: SqlEngine;
  /**
   * Makes the tables what this version needs; from then on what is too old or too much is dropped once a minute. Called
   * again if it fails. Throws StoreError, or a Failure if a newer Spyglass made the tables or the server is too old.
   */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  limits: RetentionLimits;
  /** Somebody chose it: then it has to work. Otherwise history may as well stay in memory. */
  isAsked: boolean;
  version: string;
  log: Logger;
  /** Breaks the start off. */
  signal?: AbortSignal;
}

/**
 * Null for memory only. A server need not answer yet, the embedded engine has to: throws a Failure that says why it does
 * not, or, unless it was asked for, logs that and returns null.
 */
export async function openStore(choice: StoreChoice, options: StoreOptions): Promise<OpenStore | null> {
  if (choice.kind === 'memory') return null;
  if (choice.kind === 'clickhouse') {
    const { server, cluster } = choice;
    return store(choice.kind, server, cluster, options, async () => {});
  }
  const { isAsked, log, signal } = options;
  try {
    const child = await startChild(choice.folder, log, signal);
    const at = { socketPath: storeSocket(choice.folder) };
    const whyAway = (): string | null => child.health.problem;
    const place = { name: `chdb in ${choice.folder}`, at, whyAway, database: DATABASE, user: '', password: '' };
    return store(choice.kind, place, null, options, () => child.stop());
  } catch (error) {
    if (isAsked || !(error instanceof Failure)) throw error;
    log.warn({ problem: error.message }, 'history is kept in memory only');
    return null;
  }
}

async function startChild(folder: string, log: Logger, signal: AbortSignal | undefined): Promise<StoreProcess> {
  if (!isChdbInstalled()) {
    throw new Failure(
      `The embedded database is not installed, so there is no history in ${folder}. Install it with "${INSTALL}", or choose --store memory or clickhouse://...`,
    );
  }
  const child = new StoreProcess(folder, log);
  const stop = (): void => void child.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await child.started();
    signal?.removeEventListener('abort', stop);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function store(
  kind: OpenStore['kind'],
  at: StorePlace,
  cluster: string | null,
  { limits, version, log }: StoreOptions,
  stop: () => Promise<void>,
): OpenStore {
  const place: SchemaPlace = { database: at.database, cluster };
  const engine = new ClickHouse(at);
  let timer: NodeJS.Timeout | undefined;
  return {
    kind,
    name: at.name,
    engine,
    async prepare() {
      // The database may not be there, and then no call may name it.
      const outside = new ClickHouse({ ...at, database: '' });
      try {
        await checkVersion(outside, at.name);
        await createDatabase(outside, place);
      } finally {
        outside.close();
      }
      const steps = await migrate(engine, place, MIGRATIONS, { store: at.name, by: version });
      if (steps > 0) log.info({ store: at.name, steps }, 'history has its tables');
      // A server ends by itself what it was sent, and other hubs may write there.
      if (kind === 'chdb') await completeSums(engine);
      timer ??= setInterval(() => void keepWithin(engine, place, limits, log), RETAIN_MS);
    },
    async close() {
      clearInterval(timer);
      engine.close();
      await stop();
    },
  };
}

/** One look at what is stored. Failing, it is done a minute later: the writer tells that the store fails. */
async function keepWithin(engine: SqlEngine, place: SchemaPlace, limits: RetentionLimits, log: Logger): Promise<void> {
  try {
    const { dropped, oldest } = await retain(engine, place, limits, Math.floor(Date.now() / 1000));
    if (dropped.intervals > 0) log.info({ ...dropped, oldest }, 'the oldest history is dropped');
  } catch (error) {
    log.warn({ problem: sentence(error) }, 'the oldest history could not be dropped');
  }
}
