/**
 * Hubble's flow JSON (proto3 JSON of observer.GetFlowsResponse), the part Spyglass fills. Keys are the
 * proto field names in declaration order; defaults are left out; 64-bit integers are strings.
 */

import type { HttpMessage, L7Message } from './l7.ts';

/** Name of an enum value; as proto3 JSON has it, the number if this build knows no name. */
export type EnumValue = string | number;

export interface HubbleEndpoint {
  ID?: number;
  identity?: number;
  cluster_name?: string;
  namespace?: string;
  labels?: string[];
  pod_name?: string;
  workloads?: { name: string; kind: string }[];
}

export interface TcpFlags {
  FIN?: boolean;
  SYN?: boolean;
  RST?: boolean;
  PSH?: boolean;
  ACK?: boolean;
  URG?: boolean;
  ECE?: boolean;
  CWR?: boolean;
}

export interface HubbleL4 {
  TCP?: { source_port?: number; destination_port?: number; flags?: TcpFlags };
  UDP?: { source_port?: number; destination_port?: number };
  ICMPv4?: { type?: number; code?: number };
  ICMPv6?: { type?: number; code?: number };
}

/** flow.Policy. */
export interface HubblePolicy {
  name: string;
  namespace: string;
  kind: string;
}

/** What decided in one direction. */
export interface PolicyVerdict {
  verdict: 'FORWARDED' | 'DROPPED' | 'AUDIT';
  /** No rule allowed it: the policies deny by default, or would if they were not staged. */
  default: boolean;
  /** The policy of the rule, or all that make the default. */
  policies: { kind: string; namespace: string; name: string }[];
  /** Place of the rule in the policy's list of that direction, null for a default. */
  rule: number | null;
  /** Name of the policy match type: L3_ONLY, L3_L4, … */
  match: string;
}

/** flow.Layer7: Hubble knows HTTP, DNS and Kafka. */
export interface HubbleL7 {
  type: 'REQUEST' | 'RESPONSE' | 'SAMPLE';
  latency_ns?: string;
  dns?: {
    query: string;
    ips?: string[];
    /** 4294967295 if the answer has none. */
    ttl?: number;
    cnames?: string[];
    observation_source: string;
    rcode?: number;
    qtypes?: string[];
    rrtypes?: string[];
  };
  http?: Omit<HttpMessage, 'headers'> & { headers?: HttpMessage['headers'] };
  kafka?: { error_code?: number; api_version?: number; api_key: string; correlation_id?: number; topic?: string };
}

/** What Hubble has no field for. */
export interface SpyglassL7 extends Pick<L7Message, 'protocol' | 'route' | 'grpc' | 'tls' | 'redis' | 'sql'> {
  is_error?: boolean;
  latency_ns?: number;
}

/** Our own fields, carried as google.protobuf.Struct in `extensions`. */
export interface SpyglassExtension {
  /** Name of the record type: NEW, FLAGS, CLOSE, REPORT, DROP, L7. */
  event: string;
  connection_id: string;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  rtt_ns: number;
  /** Names of the stages passed, in order. */
  path: string[];
  service_id: number;
  backend_id: number;
  /** The service address the client used, null if none was translated. */
  original: { ip: string; port: number } | null;
  /** DROP only: stage name and line that dropped it, and drops of the same edge not reported before it. */
  drop: { stage: string; line: number; words: string; suppressed: number } | null;
  /** Null where no policy isolates the end: the source for egress, the destination for ingress. */
  policy: { ingress: PolicyVerdict | null; egress: PolicyVerdict | null } | null;
  /** The end whose namespace the reader may not see: it has no address, name, label or identity here. */
  hidden?: 'source' | 'destination';
  /** Of a message of an application only. */
  l7?: SpyglassL7;
}

export interface HubbleFlow {
  time: string;
  uuid: string;
  emitter: { name: string; version: string };
  verdict: EnumValue;
  drop_reason?: number;
  IP?: { source: string; destination: string; ipVersion: 'IPv4' | 'IPv6' };
  l4?: HubbleL4;
  source: HubbleEndpoint;
  destination: HubbleEndpoint;
  Type: string;
  node_name: string;
  /** Names that DNS answers gave to the address, lower case, without the final dot. */
  source_names?: string[];
  destination_names?: string[];
  l7?: HubbleL7;
  reply?: boolean;
  event_type: { type: number; sub_type?: number };
  source_service?: { name: string; namespace: string };
  destination_service?: { name: string; namespace: string };
  traffic_direction?: EnumValue;
  policy_match_type?: number;
  trace_observation_point?: EnumValue;
  trace_reason?: string;
  file?: { name: string; line: number };
  drop_reason_desc?: EnumValue;
  is_reply?: boolean;
  interface?: { index: number; name?: string };
  trace_context?: { parent: { trace_id: string } };
  Summary: string;
  extensions?: {
    '@type': 'type.googleapis.com/google.protobuf.Struct';
    value: { spyglass: SpyglassExtension };
  };
  egress_allowed_by?: HubblePolicy[];
  ingress_allowed_by?: HubblePolicy[];
}

/** One line of the flow export. */
export interface GetFlowsResponse {
  flow?: HubbleFlow;
  lost_events?: { source: string; num_events_lost: string };
  node_name: string;
  time: string;
}
