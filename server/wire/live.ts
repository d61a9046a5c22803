/**
 * Browser protocol over `WS /api/v1/live`: JSON text both ways. The client subscribes; the hub sends a
 * snapshot at once and then updates. A slow client gets a sample, and is told so; a hopeless one is cut.
 */
import type { Datapath } from './datapath.ts';
import type { HubbleFlow } from './hubble.ts';
import type { L7RowsPer, L7Table } from './l7-table.ts';
import type { MapGroup, ServiceMap } from './service-map.ts';

/** Largest message a client may send, bytes. */
export const MAX_LIVE_MESSAGE = 64 * 1024;

/** Each field replaces the former subscription of that kind; null ends it; a field left out stays. */
export interface Subscribe {
  type: 'subscribe';
  /** The map every second, over the last `window_s` seconds (5 to 900). */
  map?: { group: MapGroup; window_s: number; filter?: FlowFilter } | null;
  /** The table of routes every second, over the same kind of window; a route between two nodes a row if `per` is left out. */
  l7?: { group: MapGroup; window_s: number; filter?: FlowFilter; per?: L7RowsPer } | null;
  /**
   * New flows every 250 ms, at most `max_rate` rows a second. `last` rows come first. `tag` comes back in every
   * answer, so that answers to the former subscription, still under way, are told apart.
   */
  flows?: { filter?: FlowFilter; max_rate: number; last: number; tag?: number } | null;
  /** The stage graph every second, over the same kind of window; of one node, or of all. */
  datapath?: { window_s: number; node?: string } | null;
  /** Totals for the time strip, every second. */
  timeline?: { window_s: number; bucket_s: number } | null;
}

/** Query parameter names of /api/v1/flows -> values, `not.` prefix included. */
export type FlowFilter = Record<string, string[]>;

export interface StatusMessage {
  type: 'status';
  /** RFC 3339. */
  time: string;
  mode: 'live' | 'replay';
  /** What is played, null if this is no replay: when it was recorded (RFC 3339), how many times as fast; 0: at once. */
  recording: { recorded: string; speed: number } | null;
  hub_started: string;
  nodes: {
    name: string;
    connected: boolean;
    /** Seconds between the newest record's time and now when it was received. */
    lag_s: number;
    lost: number;
  }[];
  flows_rate: number;
  drops_rate: number;
  lost: number;
}

export interface MapMessage {
  type: 'map';
  map: ServiceMap;
}

export interface L7TableMessage {
  type: 'l7';
  table: L7Table;
}

export interface DatapathMessage {
  type: 'datapath';
  datapath: Datapath;
}

export interface FlowRow {
  /** Grows with each flow the hub receives; unique within a hub process. */
  id: number;
  flow: HubbleFlow;
}

export interface FlowsMessage {
  type: 'flows';
  /** Newest last. */
  rows: FlowRow[];
  /** Every nth flow is shown; 1 = all. Drops and errors are always shown (up to 50/s). */
  sampled: number;
  /** Matching flows since the last message, shown or not. */
  matched: number;
  /** Of the subscription; 0 if it gave none. */
  tag: number;
}

export interface TimelineMessage {
  type: 'timeline';
  /** Start of the first bucket, Unix ms. */
  since_ms: number;
  bucket_ms: number;
  /** Events per bucket; drops from kernel counters; lost true if records were lost in it. */
  buckets: { flows: number; drops: number; lost: boolean }[];
  marks: { time_ms: number; text: string }[];
}

export interface ErrorMessage {
  type: 'error';
  /** One sentence: what was wrong with the request and what is allowed. */
  detail: string;
}

export type LiveMessage =
  | StatusMessage
  | MapMessage
  | L7TableMessage
  | DatapathMessage
  | FlowsMessage
  | TimelineMessage
  | ErrorMessage;
