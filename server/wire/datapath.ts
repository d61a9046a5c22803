/** What `/api/v1/datapath` answers: the graph of stages that packets walk, with what each did in a window of time. */

export interface Datapath {
  window: {
    /** RFC 3339. */
    since: string;
    until: string;
    /** False if a node was not watched for the whole window. */
    exact: boolean;
  };
  /** Sums over the nodes asked for, in the order of the graph; stages that saw nothing are left out. */
  stages: StageSums[];
  /** Dropped packets, the most first; exact counters of the kernel. */
  drops: { reason: string; packets: number; rate: number }[];
  nodes: DatapathNode[];
}

export type OutcomeName = 'PASS' | 'HIT' | 'DROP' | 'STACK';

export interface StageSums {
  /** STAGE: `PARSE`, `FLOW_CACHE`, ... */
  stage: string;
  outcomes: Partial<Record<OutcomeName, StageOutcome>>;
  /** Reasons of the drops at this stage, in packets: from records, so a lower bound where records were lost. */
  drop_reasons: Record<string, number>;
}

export interface StageOutcome {
  packets: number;
  /** Packets per second. */
  rate: number;
  /** Mean time that a packet spent in the stage, from one packet in 256; null if none was timed. The clock's own time is in it. */
  mean_ns: number | null;
}

export interface DatapathNode {
  name: string;
  connected: boolean;
  /** Of the agent. */
  version: string;
  /** Why the datapath is not in step with the cluster, null if it is. */
  problem: string | null;
  maps: { name: string; entries: number; max_entries: number }[];
  /** Records since the agent's start: written to the ring, taken from it; and what could not be kept. */
  events: { written: number; drained: number; lost_ring: number; lost_buffer: number };
  /** Flows that the hub received from the node since the hub started. */
  received: number;
  /** Share of one core over the window, null if it is not known. */
  agent_cpu: number | null;
  agent_rss_bytes: number;
  lag_s: number;
}
