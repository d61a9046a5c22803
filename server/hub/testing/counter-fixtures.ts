/** What an agent says of its kernel's counters. */
import type { Counters, EdgeCounters, RecordCounts } from '../../wire/agent.ts';
import { nowNs } from '../../flows/timestamp.ts';

/** web-1 -> cart-1:8080, as many packets each way. */
export function edgeCounters(packets: number, more: Partial<EdgeCounters> = {}): EdgeCounters {
  return {
    slot: 1,
    source_endpoint: 16,
    destination_endpoint: 17,
    source_identity: 300,
    destination_identity: 301,
    service_id: 5,
    port: 8080,
    protocol: 6,
    verdict: 1,
    drop_reason: 0,
    peer: '',
    packets,
    bytes: packets * 100,
    reply_packets: packets,
    reply_bytes: packets * 50,
    connections: packets,
    answered: packets,
    rtt_histogram: [packets],
    ...more,
  };
}

export function kernelCounters(edges: EdgeCounters[], more: Partial<Counters> = {}): Counters {
  return {
    time_ns: String(nowNs()),
    edges,
    overflow: { packets: 0, bytes: 0 },
    drops: {},
    stages: [],
    maps: [{ name: 'flow_cache', entries: 3, max_entries: 100 }],
    problem: 'The map is full.',
    events: { written: 0, drained: 0 },
    records: recordCounts({ produced: 3, ring: 2, buffer: 1, skipped: 1 }),
    agent: { rss_bytes: 1, cpu_seconds: 0, buffered_bytes: 0 },
    ...more,
  };
}

/** Nothing has been produced, but for `more`. */
export function recordCounts(more: Partial<RecordCounts> = {}): RecordCounts {
  return { produced: 0, ring: 0, buffer: 0, waiting: 0, skipped: 0, handed: 0, taken_before: 0, ...more };
}
