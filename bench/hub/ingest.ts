/** Hub ingest alone: one hub on one core, one agent that sends prebuilt records as fast as it may. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubStatus } from '../../server/wire/status.ts';
import { processUsage } from '../lib/process-usage.ts';
import { run } from '../lib/run.ts';
import { type Server, startHub } from '../lib/server-process.ts';
import { subscribe } from '../lib/subscribers.ts';
import { BATCH_RECORDS, FloodAgent } from './flood-agent.ts';
import { namespaceOf } from './records.ts';

/** The hub has this core to itself; its store, the agent and the subscribers run on the other. */
const HUB_CORE = 1;
const OTHER_CORE = 0;
const WARM_UP_MS = 1000;

export type StoreKind = 'memory' | 'chdb';

export interface IngestSample {
  store: StoreKind;
  subscribers: number;
  records: number;
  /** Until the last record was in memory, or with chdb on disk. */
  seconds: number;
  records_per_second: number;
  /** CPU time per second. */
  hub_cpu: number;
  hub_rss_bytes: number;
  /** 0 without store. */
  store_cpu: number;
  store_rss_bytes: number;
  /** Records that are in no history though there is one. */
  not_stored: number;
  /** Flow rows the subscribers received. */
  rows: number;
}

/** One measurement of `seconds` with a fresh hub, and a fresh store. */
export async function measureIngest(store: StoreKind, subscribers: number, seconds: number): Promise<IngestSample> {
  const folder = await mkdtemp(join(tmpdir(), 'sgbench-'));
  try {
    await using hub = await startHub(HUB_CORE, store === 'memory' ? store : `chdb:${folder}`);
    const agent = await FloodAgent.connect(hub.address, 'bench', store === 'memory' ? 'received' : 'batch');
    await using readers = await subscribe(hub.address, subscribers, namespaceOf);
    await agent.flood(WARM_UP_MS);
    const child = store === 'memory' ? null : await storeOf(hub);
    const usage = async () => [await processUsage(hub.pid), child === null ? null : await processUsage(child)] as const;
    const before = await usage();
    const rows = readers.rows;
    const flood = await agent.flood(seconds * 1000);
    const after = await usage();
    await agent.close();
    return {
      store,
      subscribers,
      ...flood,
      records_per_second: flood.records / flood.seconds,
      hub_cpu: (after[0].cpu_seconds - before[0].cpu_seconds) / flood.seconds,
      hub_rss_bytes: after[0].rss_bytes,
      store_cpu: ((after[1]?.cpu_seconds ?? 0) - (before[1]?.cpu_seconds ?? 0)) / flood.seconds,
      store_rss_bytes: after[1]?.rss_bytes ?? 0,
      not_stored: await notStored(hub),
      rows: readers.rows - rows,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Process id of the hub's store, which is moved to the other core. */
async function storeOf({ pid }: Server): Promise<number> {
  const child = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim());
  if (!(child > 0)) throw new Error('The hub has no store process; is chdb installed?');
  await run('taskset', ['-acp', String(OTHER_CORE), String(child)]);
  return child;
}

async function notStored({ address }: Server): Promise<number> {
  const { history } = (await (await fetch(`http://${address}/api/v1/status`)).json()) as HubStatus;
  return Object.values(history?.not_stored ?? {}).reduce((sum, count) => sum + count, 0);
}

export const INGEST_METHOD =
  `Hub ingest: records are built beforehand and sent in batches of ${BATCH_RECORDS} over one WebSocket; the hub runs on core ${HUB_CORE} alone, ` +
  'its store, the sender and the subscribers on the other. What counts is acknowledged: in memory, or with chdb on disk. ' +
  'Each subscriber follows the flows of one namespace.';
