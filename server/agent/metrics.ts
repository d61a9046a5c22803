/** What the agent tells Prometheus, and what it is read from. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { L7Report } from '../wire/l7.ts';
import type { MapFill } from './map-fill.ts';

export interface AgentHealth {
  /** Why the agent is not ready, as one sentence; null if it is. */
  problem(): string | null;
  /** Read anew for each scrape. */
  stats(): AgentStats;
}

export interface AgentStats {
  /** Records since the maps were made (`written`), or since this agent started. */
  events: { written: number; drained: number; lostInRing: number; lostInBuffer: number };
  /** Bytes in the ring buffer that are not drained yet. */
  ringBytes: number;
  /** Bytes of batches kept for the hub. */
  outboxBytes: number;
  l7: L7Stats;
  maps: readonly MapFill[];
  /** Passes of the reconciler: how many, how many of them failed, and how long the last took. */
  apply: { passes: number; failures: number; lastSeconds: number };
  /** Hubs that are connected. */
  hubs: number;
  pods: number;
}

/** What the reading of messages takes and lacks, since this agent started. */
export interface L7Stats {
  /** Captured payloads read. */
  captures: number;
  connections: number;
  /** Bytes kept of them. */
  bytes: number;
  /** CPU time of reading them. */
  seconds: number;
  /** Connections given up because their parser failed: a fault of the agent. */
  faults: number;
  losses: L7Report['losses'];
}

type Sample = readonly [labels: Record<string, string>, value: number];
type Read = (stats: AgentStats) => Sample[];

export interface AgentMetrics {
  readonly contentType: string;
  /** The text of one scrape; all its figures are of the same moment. */
  render(): Promise<string>;
}

export function agentMetrics(health: AgentHealth): AgentMetrics {
  const registry = new Registry();
  let stats = health.stats();
  collectDefaultMetrics({ register: registry });
  const define = (kind: 'counter' | 'gauge', name: string, help: string, read: Read, label?: string): void => {
    const labelNames = label === undefined ? [] : [label];
    const options = { name: `spyglass_agent_${name}`, help, labelNames, registers: [registry] };
    if (kind === 'counter') {
      const counter: Counter = new Counter({
        ...options,
        collect() {
          this.reset();
          for (const [labels, value] of read(stats)) this.inc(labels, value);
        },
      });
      void counter;
    } else {
      const gauge: Gauge = new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [labels, value] of read(stats)) this.set(labels, value);
        },
      });
      void gauge;
    }
  };
  const one = (value: number): Sample[] => [[{}, value]];
  define('counter', 'events_written_total', 'Records the kernel wrote to the ring buffer.', (it) =>
    one(it.events.written),
  );
  define('counter', 'events_drained_total', 'Records taken from the ring buffer.', (it) => one(it.events.drained));
  const lost = ({ events }: AgentStats): Sample[] => [
    [{ cause: 'ring' }, events.lostInRing],
    [{ cause: 'buffer' }, events.lostInBuffer],
  ];
  define('counter', 'lost_events_total', 'Records that could not be kept, by where there was no room.', lost, 'cause');
  define('gauge', 'ring_bytes', 'Bytes in the ring buffer, not drained yet.', (it) => one(it.ringBytes));
  define('gauge', 'outbox_bytes', 'Bytes of records kept for the hub.', (it) => one(it.outboxBytes));
  define('counter', 'l7_captures_total', 'Captured payloads of applications read.', (it) => one(it.l7.captures));
  define('counter', 'l7_seconds_total', 'CPU time spent on reading messages.', (it) => one(it.l7.seconds));
  define('gauge', 'l7_connections', 'Connections whose messages are read.', (it) => one(it.l7.connections));
  define('gauge', 'l7_bytes', 'Bytes kept of these connections.', (it) => one(it.l7.bytes));
  define('counter', 'l7_parser_faults_total', 'Connections given up because their parser failed.', (it) =>
    one(it.l7.faults),
  );
  const losses = ({ l7 }: AgentStats): Sample[] => Object.entries(l7.losses).map(([cause, lost]) => [{ cause }, lost]);
  define('counter', 'l7_losses_total', 'What is missing from messages and their metrics, by cause.', losses, 'cause');
  const entries = ({ maps }: AgentStats): Sample[] => maps.map((map) => [{ map: map.name }, map.entries]);
  const room = ({ maps }: AgentStats): Sample[] => maps.map((map) => [{ map: map.name }, map.maxEntries]);
  define('gauge', 'map_entries', 'Entries of an eBPF map.', entries, 'map');
  define('gauge', 'map_max_entries', 'Entries an eBPF map has room for.', room, 'map');
  const warned = ({ maps }: AgentStats): Sample[] => maps.map((map) => [{ map: map.name }, map.warnings]);
  define('counter', 'map_fill_warnings_total', 'How often an eBPF map became nearly full.', warned, 'map');
  define('counter', 'apply_total', 'Passes that compared desired and actual map contents.', (it) =>
    one(it.apply.passes),
  );
  define('counter', 'apply_failures_total', 'Passes that failed.', (it) => one(it.apply.failures));
  define('gauge', 'apply_last_seconds', 'Duration of the last pass.', (it) => one(it.apply.lastSeconds));
  define('gauge', 'hubs_connected', 'Hubs that are connected.', (it) => one(it.hubs));
  define('gauge', 'pods', 'Pods whose programs are attached.', (it) => one(it.pods));
  return {
    contentType: registry.contentType,
    render() {
      stats = health.stats();
      return registry.metrics();
    },
  };
}
