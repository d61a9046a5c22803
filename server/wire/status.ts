/** What `/api/v1/status`, `/api/v1/nodes` and `/api/v1/namespaces` answer. */

export interface HubStatus {
  version: string;
  /** Random per hub process. */
  hub: string;
  mode: 'live' | 'replay';
  /** RFC 3339. */
  started: string;
  uptime_s: number;
  nodes: { known: number; connected: number };
  flows: {
    /** In memory now, received since the hub started, and overwritten by newer ones. */
    stored: number;
    received: number;
    overwritten: number;
    /** Per second, over the last five. */
    rate: number;
    /** Time of the oldest flow in memory, null if there is none. */
    oldest: string | null;
    memory_bytes: number;
    memory_limit_bytes: number;
  };
  /** Dropped packets per second, over the last five. */
  drops_rate: number;
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
  /** `starting` until the first insert; `failing` while inserts are tried again. */
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

/** What did not arrive, by cause; records unless said otherwise. */
export interface LossLedger {
  /** All records that agents could not keep. */
  records: number;
  /** Of these: no room in the kernel's ring, no room in the agent while no hub answered. */
  ring: number;
  buffer: number;
  /** Batches whose number never arrived. */
  missing_batches: number;
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
  flows: number;
  flows_rate: number;
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
