/** A store for tests: the real embedded engine in a folder of its own, and a client of it. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { storeSocket } from '../chdb/store-messages.ts';
import { StoreProcess } from '../chdb/store-process.ts';
import { ClickHouse } from '../clickhouse.ts';

const PREFIX = 'spyglass-history-';

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
  const place = folder ?? mkdtempSync(join(tmpdir(), PREFIX));
  const process = new StoreProcess(place, pino({ level: 'silent' }));
  const clients: ClickHouse[] = [];
  const connect = (database: string): ClickHouse => {
    const at = { socketPath: storeSocket(place) };
    const client = new ClickHouse({ name: 'the test store', at, database, user: '', password: '' });
    clients.push(client);
    return client;
  };
  const end = async (): Promise<void> => {
    for (const client of clients) client.close();
    await process.stop();
    if (folder === undefined) rmSync(place, { recursive: true, force: true });
  };
  try {
    await process.started();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    process,
    connect,
    end,
    async client(database) {
      await connect('').command(`CREATE DATABASE \`${database}\``);
      return connect(database);
    },
  };
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
