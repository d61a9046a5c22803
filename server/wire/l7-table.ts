/** The table of routes as `/api/v1/l7` and the live stream give it. */
import type { L7ProtocolName, L7Report } from './l7.ts';
import type { MapGroup } from './service-map.ts';

export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  mean: number;
}

/** What a row stands for: a route between two nodes, a route at its target whoever asks, all that a target answers. */
export const L7_ROWS_PER = ['pair-route', 'target-route', 'target'] as const;
export type L7RowsPer = (typeof L7_ROWS_PER)[number];

/** One route between two nodes of the service map, within the window; or more, see L7RowsPer. */
export interface L7Row {
  /** Ids of nodes of the service map with the same `group`; '' for any source. */
  source: string;
  target: string;
  /** Destination port. */
  port: number;
  /** Service the client addressed, null if it addressed the target itself, or for any source. */
  service: { namespace: string; name: string } | null;
  protocol: L7ProtocolName;
  /** `GET /orders/{id}`, a statement's fingerprint, a command, a topic; `other` where there were too many; '' for any. */
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
  per: L7RowsPer;
  losses: L7Losses;
  /** Busiest first. */
  rows: L7Row[];
  /** Rows beyond the most that are sent. */
  rows_left_out: number;
}

/** Most rows of one table. */
export const MAX_L7_ROWS = 5000;
