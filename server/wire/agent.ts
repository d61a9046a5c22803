/**
 * Agent -> hub protocol over `WS /api/v1/agents`. Every message is binary and starts with one kind
 * byte. Control messages are MessagePack (msgpackr) after that byte; flow batches are raw records.
 *
 * Order on a connection: the agent sends Hello; the hub answers Welcome with the last batch it holds
 * of this agent session; the agent says which hub archives, sends the dictionary, then every batch after that number
 * that it still keeps, then goes on live. A reference (endpoint, service) is described before a batch uses it.
 * The hub acknowledges batches cumulatively. Either side closes with a reason on a malformed message.
 *
 * An agent may have several hubs. Each gets everything; one of them archives the session.
 */
import type { RecordLayout } from './layout.ts';

export const AGENT_PROTOCOL_VERSION = 6;

/** Largest message a hub accepts from an agent, bytes. */
export const MAX_AGENT_MESSAGE = 4 * 1024 * 1024;

export const KIND = {
  hello: 1,
  welcome: 2,
  dictionary: 3,
  batch: 4,
  ack: 5,
  counters: 6,
  l7: 7,
  archive: 8,
} as const;

export interface Hello {
  protocol: number;
  node: string;
  /** Random per agent process; batch numbers count within a session. */
  session: string;
  /** /proc/sys/kernel/random/boot_id; monotonic times and kernel counters live within one boot. */
  boot_id: string;
  /** Changes when the kernel's counter maps are created anew; cumulative counters restart at 0 then. */
  counters_id: string;
  version: string;
  layout: RecordLayout;
  /** `live`, or `replay` when a recorded stream is played. */
  mode: 'live' | 'replay';
  /** Of a replay: when it was recorded (RFC 3339), and how many times as fast it is played; 0: at once. */
  recording?: { recorded: string; speed: number } | undefined;
}

export interface Welcome {
  /** Random per hub process. */
  hub: string;
  /** Highest contiguous batch number of this session that the hub holds, 0 for none. */
  last_batch: number;
  /** Records of the session up to the end of that batch, those among them that never arrived included. */
  last_record: number;
  /** How many of these never arrived. */
  missing_records: number;
  /** Whether it writes to a history that other hubs share: one of them is to write the session. */
  archives: boolean;
}

/**
 * Agent -> hub, before the first batch and whenever it changes: which of the hubs over a shared history writes the
 * session. One that was not told does, and so does one with a history of its own. A hub that takes over gets all batches after `durable` again, for its history: those that the store has already
 * are left out by it, and its memory has them. So nothing is missing when the one that archived is killed.
 */
export interface Archive {
  /** Id of the hub as in its Welcome. */
  hub: string;
  /** All batches up to this number are held for good, as that hub and those before it said. */
  durable: number;
}

export type EndpointKind = 'pod' | 'host' | 'remote';

export interface EndpointEntry {
  /** The number records use (`source_endpoint`, `destination_endpoint`); also Hubble's endpoint ID. */
  ref: number;
  kind: EndpointKind;
  namespace: string;
  /** Pod name, or node name for kind host. */
  name: string;
  addresses: string[];
  identity: number;
  /** Hubble form, sorted: `k8s:app=web`. */
  labels: string[];
  workload: { name: string; kind: string } | null;
  /** RFC 3339. */
  created: string;
}

export interface ServiceEntry {
  /** The number records use (`service_id`): one a Service, all its ports and addresses. */
  id: number;
  namespace: string;
  name: string;
  addresses: string[];
  ports: { name: string; port: number; protocol: 'TCP' | 'UDP' | 'SCTP'; app_protocol: string }[];
  /** Endpoint refs behind it now. */
  backends: number[];
}

export interface IdentityEntry {
  identity: number;
  /** Hubble form: `reserved:world`, or the workload's labels. */
  labels: string[];
}

/** A number that records use (`ingress_rule`, `egress_rule`): a rule that allows, or the policies that deny by default. */
export type RuleEntry =
  | {
      ref: number;
      kind: 'NetworkPolicy';
      namespace: string;
      name: string;
      direction: 'ingress' | 'egress';
      /** Place in the policy's list of rules of that direction. */
      index: number;
    }
  | {
      ref: number;
      default: true;
      direction: 'ingress' | 'egress';
      /** All of them are staged: what they would deny passes with verdict AUDIT. */
      audit: boolean;
      policies: { namespace: string; name: string }[];
    };

export interface PolicyEntry {
  namespace: string;
  name: string;
  uid: string;
  mode: 'enforce' | 'audit';
  policy_types: ('Ingress' | 'Egress')[];
  /** Refs of the pods of this node that it selects. */
  endpoints: number[];
  /** Refs of its rules, in their order. */
  rules: { ingress: number[]; egress: number[] };
  /** NetworkPolicySpec (networking.k8s.io/v1) with the API's defaults. */
  spec: Record<string, unknown>;
  /** What is valid but allows or selects less than it seems to: one sentence each. */
  warnings: string[];
}

/** A policy that was refused, or manifests that were (`namespace` is '' then). */
export interface PolicyProblemEntry {
  namespace: string;
  name: string;
  message: string;
}

/** Upserts and removals by key. A removed key is kept by the hub while stored records may use it. */
export interface Dictionary {
  /** The agent's whole current state: what is not named here is gone. Sent first on each connection. */
  snapshot: boolean;
  endpoints: EndpointEntry[];
  services: ServiceEntry[];
  identities: IdentityEntry[];
  rules: RuleEntry[];
  policies: PolicyEntry[];
  /** All there are; null if they are the same as before. */
  policy_problems: PolicyProblemEntry[] | null;
  removed_endpoints: number[];
  removed_services: number[];
  removed_identities: number[];
  removed_rules: number[];
  removed_policies: { namespace: string; name: string }[];
}

/**
 * Batch header, little-endian, directly followed by `count` records back to back (each record is
 * layout.size bytes, plus its `captured` bytes padded to 8).
 */
export const BATCH_HEADER = {
  /** u8 KIND.batch at 0; u8 0; u16 0. */
  count: 4, // u32
  number: 8, // u64 batch number, from 1, without gaps within a session
  clock_offset_ns: 16, // i64: Unix ns = record.time_ns + this
  /** u64 records the agent could not keep (ring full, buffer full) since its session began. */
  lost: 24,
  /**
   * u64 records in the batches before this one, from 0: with the session it names each record for good. Where a batch
   * begins later than the one before it ended, what lies between was lost on the way.
   */
  first_sequence: 32,
  size: 40,
} as const;

export interface Ack {
  /** All batches up to this number are in the hub's memory. */
  received: number;
  /** All batches up to this number are held for good: in the hub's history, or in memory if it keeps none. */
  batch: number;
}

/**
 * Cumulative kernel counters of one edge. The first message of a connection has all edges, later ones
 * only those that changed since the message before.
 */
export interface EdgeCounters {
  slot: number;
  source_endpoint: number;
  destination_endpoint: number;
  source_identity: number;
  destination_identity: number;
  service_id: number;
  /** Destination port (ICMP: 0). */
  port: number;
  protocol: number;
  verdict: number;
  drop_reason: number;
  /** Address of the end that is no endpoint (the world), '' if both are, or if aggregated. */
  peer: string;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  connections: number;
  /** Connections whose server answered (SYN-ACK, or a first reply of another protocol). */
  answered: number;
  /** Handshake RTTs, log2 buckets: bucket i counts values in [2^i, 2^(i+1)) µs; 24 buckets. */
  rtt_histogram: number[];
}

export interface Counters {
  /** Unix ns as decimal string. */
  time_ns: string;
  edges: EdgeCounters[];
  /** What found no slot: sums over all edges stay exact with it. */
  overflow: { packets: number; bytes: number };
  /** Cumulative, by drop reason number. */
  drops: Record<number, number>;
  /** Cumulative packets by stage and outcome numbers: [stage, outcome, packets, sampled, sampled_ns]. */
  stages: [stage: number, outcome: number, packets: number, sampled: number, sampled_ns: number][];
  /** Every map that can fill up, as the last look at it found it. */
  maps: { name: string; entries: number; max_entries: number }[];
  /** Why the node's datapath is not in step with the cluster: one sentence, null if it is. */
  problem: string | null;
  /** Records written to the ring since the maps were made, and drained since the agent started. */
  events: { written: number; drained: number };
  /** Where the records of the session are. */
  records: RecordCounts;
  agent: { rss_bytes: number; cpu_seconds: number; buffered_bytes: number };
}

/**
 * Cumulative, in records of the agent's session. All that a node produced is accounted for: `produced` = `ring` + `waiting` +
 * `skipped` + `handed`.
 */
export interface RecordCounts {
  /** By the kernel's count: written to the ring, or without room there. And messages, which the agent makes. */
  produced: number;
  /** Lost: no room in the ring. */
  ring: number;
  /** Lost: given up for want of room in the agent, and received by no hub. */
  buffer: number;
  /** Still on the node: in the ring, and in batches not handed over to this hub yet. */
  waiting: number;
  /** Given up before this hub got them. What is more than `buffer` was received by another hub, or by this one's former process. */
  skipped: number;
  /** Sent to this hub. */
  handed: number;
  /** Records that former agents took out of this ring (same `counters_id`). */
  taken_before: number;
}
