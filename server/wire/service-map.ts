/** The service map as `/api/v1/service-map` and the live stream give it. */

import type { L7ProtocolName } from './l7.ts';

export type MapGroup = 'workload' | 'service' | 'pod' | 'namespace';

/** `Hidden`: everything in namespaces that the reader may not see, together. */
export type NodeKind =
  | 'Deployment'
  | 'StatefulSet'
  | 'DaemonSet'
  | 'Pod'
  | 'Service'
  | 'Namespace'
  | 'Host'
  | 'World'
  | 'Hidden';

export interface MapNode {
  /** Stable: `shop/Deployment/web`, `world/198.51.100.7`, `host/demo-1`, `hidden`. */
  id: string;
  kind: NodeKind;
  /** '' for host, world and hidden. */
  namespace: string;
  name: string;
  /** Pods behind it now; 0 for a service that selects none. */
  pods: number;
  /** DNS names, then addresses, at most 8. */
  addresses: string[];
}

export interface Rtt {
  /** Connections measured in the window. */
  count: number;
  p50_ns: number;
  p95_ns: number;
}

/** Traffic of one (source, target, protocol, port) within the window. Figures are kernel counters. */
export interface MapEdge {
  /** `${source}>${target}:${protocol}/${port}` */
  id: string;
  source: string;
  target: string;
  /** `TCP`, `UDP`, `ICMPv4`, `ICMPv6`. */
  protocol: string;
  /** 0 for ICMP. */
  port: number;
  /** Service the client addressed, null if it addressed the target itself. */
  service: { namespace: string; name: string } | null;
  /** Packets by verdict name in the window; DROPPED here counts packets, too. */
  verdicts: Record<string, number>;
  /** Dropped packets by drop reason name. */
  drop_reasons: Record<string, number>;
  /** What passed, dropped packets not among it: from source to target, and back (`reply_`). */
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  connections: number;
  answered: number;
  /** Per second over the window. */
  connection_rate: number;
  packet_rate: number;
  byte_rate: number;
  drop_rate: number;
  rtt: Rtt | null;
  /** Null if no message of an application was read. */
  l7: EdgeL7 | null;
}

/** All routes of an edge together. Rows of single routes: l7-table.ts. */
export interface EdgeL7 {
  /** The one with most requests, if there are several. */
  protocol: L7ProtocolName;
  /** Requests per second over the window. */
  rate: number;
  requests: number;
  responses: number;
  errors: number;
  /** Errors among the responses, 0 to 1; null without any. */
  error_share: number | null;
  /** Null if nothing was answered. */
  p50_ns: number | null;
  p95_ns: number | null;
  /** False if the counts are lower bounds, because an agent could not read all that was sent. */
  exact: boolean;
}

export interface ServiceMap {
  /** RFC 3339 with nanoseconds. `exact` is false if counters were lost or the window starts before the data. */
  window: { since: string; until: string; exact: boolean };
  group: MapGroup;
  nodes: MapNode[];
  edges: MapEdge[];
}
