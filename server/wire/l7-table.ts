/** The table of routes as `/api/v1/l7` and the live stream give it. */
import type { L7ProtocolName, L7Report } from './l7.ts';
import type { MapGroup } from './service-map.ts';

export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  mean: number;
}

/** One route between two nodes of the service map, within the window. */
export interface L7Row {
  /** Ids of nodes of the service map with the same `group`. */
  source: string;
  target: string;
  /** Destination port. */
  port: number;
  /** Service the client addressed, null if it addressed the target itself. */
  service: { namespace: string; name: string } | null;
  protocol: L7ProtocolName;
  /** `GET /orders/{id}`, a statement's fingerprint, a command, a topic; `other` where there were too many. */
  route: string;
  requests: number;
  responses: number;
  errors: number;
  /** Requests per second over the window. */
  rate: number;
  /** Errors among the responses, 0 to 1; null without any. */
  error_share: number | null;
  /** Responses by code, the most frequent 20; '' where the protocol has none for success. */
  codes: Record<string, number>;
  /** Null if nothing was answered. Percentiles are within 2 % of the values measured. */
  latency_ns: Latency | null;
  /** False if the counts are lower bounds, because an agent could not read all that was sent. */
  exact: boolean;
}

/** What the agents could not read or send within the window, as in L7Report. */
export type L7Losses = L7Report['losses'];

export interface L7Table {
  window: { since: string; until: string; exact: boolean };
  group: MapGroup;
  losses: L7Losses;
  /** Busiest first. */
  rows: L7Row[];
  /** Rows beyond the most that are sent. */
  rows_left_out: number;
}

/** Most rows of one table. */
export const MAX_L7_ROWS = 5000;
