/** Hub ingest alone: one hub on one core, one agent that sends prebuilt records as fast as it may. */
import { processUsage } from '../lib/process-usage.ts';
import { BATCH_RECORDS, FloodAgent } from './flood-agent.ts';
import { startHub } from './hub.ts';
import { namespaceOf } from './records.ts';
import { subscribe } from './subscribers.ts';

/** The hub has this core to itself; the agent and the subscribers run on the other. */
export const HUB_CORE = 1;
const WARM_UP_MS = 1000;

export interface IngestSample {
  subscribers: number;
  records: number;
  seconds: number;
  records_per_second: number;
  /** CPU time of the hub per second. */
  hub_cpu: number;
  hub_rss_bytes: number;
  /** Flow rows the subscribers received. */
  rows: number;
}

/** One measurement of `seconds` with a fresh hub. */
export async function measureIngest(subscribers: number, seconds: number): Promise<IngestSample> {
  await using hub = await startHub(HUB_CORE);
  const agent = await FloodAgent.connect(hub.address, 'bench');
  await using readers = await subscribe(hub.address, subscribers, namespaceOf);
  await agent.flood(WARM_UP_MS);
  const before = await processUsage(hub.pid);
  const rows = readers.rows;
  const flood = await agent.flood(seconds * 1000);
  const after = await processUsage(hub.pid);
  await agent.close();
  return {
    subscribers,
    ...flood,
    records_per_second: flood.records / flood.seconds,
    hub_cpu: (after.cpu_seconds - before.cpu_seconds) / flood.seconds,
    hub_rss_bytes: after.rss_bytes,
    rows: readers.rows - rows,
  };
}

export const INGEST_METHOD =
  `Hub ingest: records are built beforehand and sent in batches of ${BATCH_RECORDS} over one WebSocket; the hub runs on core ${HUB_CORE} alone, ` +
  'the sender and the subscribers on the other. What counts is acknowledged. Each subscriber follows the flows of one namespace.';
