/** Hubs over a real store, each test in a database of its own. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { type HubOptions, type RunningHub, startHub } from '../../hub.ts';
import type { ClickHouse } from '../clickhouse.ts';
import type { SqlEngine } from '../sql-engine.ts';
import { SCHEMA } from '../tables.ts';
import { startTestStore, type TestStore } from './test-store.ts';

export interface HubParts {
  /** In place of the store's own. */
  engine?: SqlEngine;
  backlog?: number;
  /** Whether the store is told to be one that hubs share. */
  kind?: 'chdb' | 'clickhouse';
  /** Bytes of flows in memory. */
  memory?: number;
  /** Where the Hubble API listens; nowhere if left out. */
  grpc?: HubOptions['grpc'];
}

export class HistoryBed {
  #store: TestStore | undefined;
  #engine: ClickHouse | undefined;
  readonly #hubs: RunningHub[] = [];
  #databases = 0;

  constructor() {
    // A batch is on disk after half a second, on a busy machine after several.
    vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });
    beforeAll(async () => {
      this.#store = await startTestStore();
    });
    afterAll(async () => this.#store?.end());
    beforeEach(async () => {
      this.#engine = await this.store.client(`test_${++this.#databases}`);
    });
    afterEach(async () => {
      for (const hub of this.#hubs.splice(0)) await hub.close();
    });
  }

  get store(): TestStore {
    if (this.#store === undefined) throw new Error('there is a store only while tests run');
    return this.#store;
  }

  get engine(): SqlEngine {
    if (this.#engine === undefined) throw new Error('there is a database only while a test runs');
    return this.#engine;
  }

  /** A hub that writes to the test's database; closed after the test. */
  async hub({ engine = this.engine, kind = 'chdb', ...more }: HubParts = {}): Promise<RunningHub> {
    const prepare = async (): Promise<void> => {
      for (const statement of SCHEMA) await engine.command(statement);
    };
    const hub = await startHub({
      host: '127.0.0.1',
      port: 0,
      memory: 4 * 1024 * 1024,
      version: '0.1.0',
      grpc: null,
      log: pino({ level: 'silent' }),
      history: { kind, engine, prepare, close: async () => undefined },
      uiFolder: '/nonexistent',
      ...more,
    });
    this.#hubs.push(hub);
    return hub;
  }
}
