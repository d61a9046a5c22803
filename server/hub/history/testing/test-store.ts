/** A store for tests: the real embedded engine in a folder of its own, and a client of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { storeSocket } from '../chdb/store-messages.ts';
import { StoreProcess } from '../chdb/store-process.ts';
import { ClickHouse } from '../clickhouse.ts';

const PREFIX = 'spyglass-store-';

export interface TestStore {
  readonly process: StoreProcess;
  /** The client that history uses; of all databases with ''. */
  connect(database: string): ClickHouse;
  /** The same in a new database of that name. */
  client(database: string): Promise<ClickHouse>;
  /** Ends it and removes its folder. */
  end(): Promise<void>;
}

/** Starts one, in `folder` if given (which stays then). Takes half a second. Needs `npm run build:server`. */
export async function startTestStore(folder?: string): Promise<TestStore> {
  refuseOldBuild();
  const place = folder ?? testFolder();
  const store = new StoreProcess(place, pino({ level: 'silent' }));
  const clients: ClickHouse[] = [];
  const connect = (database: string): ClickHouse => {
    const at = { socketPath: storeSocket(place) };
    const client = new ClickHouse({ name: 'the test store', at, database, user: '', password: '' });
    clients.push(client);
    return client;
  };
  const end = async (): Promise<void> => {
    for (const client of clients) client.close();
    await store.stop();
    if (folder === undefined) rmSync(place, { recursive: true, force: true });
  };
  try {
    await store.started();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    process: store,
    connect,
    end,
    async client(database) {
      await connect('').command(`CREATE DATABASE \`${database}\``);
      return connect(database);
    },
  };
}

/** A new folder. Those of test processes that were killed are removed, with what was mounted on them. */
export function testFolder(): string {
  for (const name of readdirSync(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    const folder = join(tmpdir(), name);
    spawnSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true, force: true });
  }
  return mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
}

/** The process runs from the build, where a change of its sources would not be seen. */
function refuseOldBuild(): void {
  const sources = fileURLToPath(new URL('../chdb/', import.meta.url));
  for (const name of readdirSync(sources).filter((it) => it.endsWith('.ts') && !it.endsWith('.test.ts'))) {
    const built = join(sources.replace('/server/hub/', '/dist/server/hub/'), name.replace(/\.ts$/, '.js'));
    const builtAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (builtAt < statSync(join(sources, name)).mtimeMs) {
      throw new Error(`${built} is older than its source: run "npm run build:server"`);
    }
  }
}
