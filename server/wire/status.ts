/** What `/api/v1/status`, `/api/v1/nodes`, `/api/v1/namespaces` and `/api/v1/loss` answer. */
import type { L7Losses } from './l7-table.ts';

export interface HubStatus {
  version: string;
  /** Random per hub process. */
  hub: string;
  mode: 'live' | 'replay';
  /** RFC 3339. */
  started: string;
  uptime_s: number;
  nodes: { known: number; connected: number };
  /** Null for readers of some namespaces: totals tell of the others. So with all figures that may be null here. */
  flows: {
    /** In memory now, received since the hub started, and overwritten by newer ones. */
    stored: number;
    received: number;
    overwritten: number;
    /** Whether these are all flows that agents produced since then; a lower bound if not. */
    exact: boolean;
    /** Per second, over the last five. */
    rate: number;
    /** Time of the oldest flow in memory, null if there is none. */
    oldest: string | null;
    memory_bytes: number;
    memory_limit_bytes: number;
  } | null;
  /** Dropped packets per second, over the last five. */
  drops_rate: number | null;
  lost: LossLedger;
  live_clients: number;
  /** The Hubble API, null if the hub does not serve it. */
  grpc: { address: string; tls: boolean; streams: number } | null;
  /** Null if the hub keeps flows in memory only. */
  history: HistoryStatus | null;
}

/** What outlives the hub, and how well it is written. */
export interface HistoryStatus {
  kind: 'chdb' | 'clickhouse';
  /** `starting` until the store has its tables; `failing` while it is tried again. */
  state: 'starting' | 'ready' | 'failing';
  /** Why it fails, one sentence. */
  problem: string | null;
  /** What waits to be stored. */
  backlog_bytes: number;
  /** Time of the newest flow that this hub stored, and of the oldest there is; RFC 3339, null if not known. */
  stored_until: string | null;
  oldest: string | null;
  /** Flows in the store, and bytes on its disk; null while not known. */
  rows: number | null;
  bytes: number | null;
  /** Flows that this hub gave up: no room while the store failed or was slow, refused by it, or the hub stopped. */
  not_stored: { backlog: number; refused: number; stopped: number };
}

/** Records that no hub received, by cause. */
export interface LossLedger {
  /** All of them. */
  records: number;
  /** No room in the kernel's ring. */
  ring: number;
  /** No room in the agent while no hub answered. */
  buffer: number;
  /** With an agent that ended before a hub had them; its messages cannot be counted. */
  agent: number;
  /** Handed over by the agent, and not arrived. */
  transit: number;
}

/**
 * What became of the records of a node: `produced` = `received` + `elsewhere` + `lost.records` + `waiting` + `unexplained`.
 * Each figure is counted where it happens: in the kernel, in the agent, in the hub.
 */
export interface RecordBalance {
  /** Records that the kernel wrote or had no room for, and messages. */
  produced: number;
  received: number;
  /** Received by another hub, or by a former process of this one, and given up by the agent since. */
  elsewhere: number;
  /** What was on the way, more at the end than at the begin; negative if less was. */
  waiting: number;
  lost: LossLedger;
  /** What the sources disagree about. Other than 0 in passing while the kernel writes, it is a fault. */
  unexplained: number;
  /** Of the received: replaced in memory by newer ones. */
  overwritten: number;
  /** What agents could not read or send of messages, as in the table of routes. */
  messages: L7Losses;
  /** Whether this hub followed the node over all of the time, so that nothing is missing from these sums. */
  exact: boolean;
}

export interface LossReport {
  /** RFC 3339. Without a window asked for: since the hub started, with what its agents had counted before. */
  window: { since: string; until: string; exact: boolean };
  total: RecordBalance;
  /** Of the records received since the hub started: not in its history, by cause. Null if it keeps none. */
  not_stored: HistoryStatus['not_stored'] | null;
  nodes: ({ node: string } & RecordBalance)[];
}

/** Share of its entries from which on a map is told to be nearly full. */
export const MAP_FILL_WARNING = 0.8;

export interface NodeStatus {
  name: string;
  connected: boolean;
  mode: 'live' | 'replay';
  /** Version of the agent. */
  version: string;
  layout_version: number;
  /** When the agent connected, or was lost; RFC 3339. */
  since: string;
  /** Received since the hub started. */
  flows: number | null;
  flows_rate: number | null;
  lag_s: number;
  lost: LossLedger;
  /** Endpoints (pods of this node) known to the agent. */
  pods: number;
  /** Why the node's datapath is not in step with the cluster, null if it is. */
  problem: string | null;
  /** How full each map is that can fill up; null until the agent has sent counters. */
  maps: { name: string; entries: number; max_entries: number }[] | null;
  agent: { rss_bytes: number; cpu_seconds: number; buffered_bytes: number } | null;
}

export interface NamespaceStatus {
  name: string;
  pods: number;
}
