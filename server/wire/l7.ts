/**
 * Messages of applications, as agents read them off the wire and hubs keep and show them. An agent writes an
 * L7Message as MessagePack (msgpackr) into the captured bytes of a record of type L7, whose header names the ends;
 * values that may hold secrets are redacted before that. What has no value is left out.
 */

export const L7_PROTOCOLS = ['http', 'http2', 'grpc', 'dns', 'tls', 'redis', 'postgresql', 'mysql', 'kafka'] as const;
export type L7ProtocolName = (typeof L7_PROTOCOLS)[number];

/** Longest text kept of anything a peer wrote, characters; what is longer is cut. */
export const MAX_L7_TEXT = 512;

export interface HttpMessage {
  /** RESPONSE only. */
  code?: number;
  method: string;
  /** As Hubble has it: scheme (`http`), host and path; query strings are redacted to their keys. */
  url: string;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`. */
  protocol: string;
  headers: { key: string; value: string }[];
}

export interface GrpcMessage {
  /** `package.Service`. */
  service: string;
  method: string;
  /** RESPONSE only: grpc-status. */
  status?: number;
}

export interface DnsMessage {
  /** With the final dot. */
  query: string;
  /** Names as in the IANA registry: `A`, `AAAA`, … */
  qtypes: string[];
  /** RESPONSE only, these and what follows: RCODE (RFC 1035, 4.1.1). */
  rcode?: number;
  /** Types of the answers. */
  rrtypes?: string[];
  ips?: string[];
  cnames?: string[];
  /** Smallest of the answers, seconds. */
  ttl?: number;
  transport: 'UDP' | 'TCP';
}

/** What a TLS hello shows; the rest is opaque. */
export interface TlsMessage {
  /** Empty if the client names none. */
  sni: string;
  /** Offered (REQUEST), or chosen (RESPONSE). */
  alpn: string[];
  /** `TLS 1.2`, `TLS 1.3`, …: highest offered, or chosen. */
  version: string;
}

export interface RedisMessage {
  /** Upper case, with the subcommand where there is one: `GET`, `CONFIG GET`. */
  command: string;
  /** Arguments, full mode only. */
  arguments?: string[];
  /** RESPONSE only: first word of an error reply (`ERR`, `WRONGTYPE`), '' for success. */
  error?: string;
}

/** PostgreSQL and MySQL. */
export interface SqlMessage {
  /** First word: `SELECT`, `INSERT`, `BEGIN`, …; or what the protocol calls it: `PREPARE`, `CONNECT`. */
  kind: string;
  /** The statement with its literals replaced by `?`; in full mode as it was sent. */
  statement: string;
  /** RESPONSE only: SQLSTATE, '' for success. */
  error?: string;
  /** RESPONSE only: rows returned or changed, where the server says so. */
  rows?: number;
}

export interface KafkaMessage {
  api_key: string;
  api_version: number;
  correlation_id: number;
  topic: string;
  /** RESPONSE only. */
  error_code?: number;
}

/** Most bytes an event's message may have as MessagePack; heads in full mode come to a few KiB. */
export const MAX_MESSAGE_BYTES = 32 * 1024;

/** Exactly one of the protocol's own parts is there (gRPC has `http` and `grpc`). */
export interface L7Message {
  /** SAMPLE: a message without its pair, such as an answer whose question was not seen. */
  kind: 'REQUEST' | 'RESPONSE' | 'SAMPLE';
  protocol: L7ProtocolName;
  /** RESPONSE only: from the first byte of the request to the first of the answer that says how it went. */
  latency_ns?: number;
  /** What the metrics count it under: `GET /orders/{id}`, a statement's fingerprint, a command, a topic. */
  route: string;
  /**
   * RESPONSE only: the server failed or refused (HTTP 5xx, gRPC other than OK, an rcode other than NOERROR and NXDOMAIN,
   * an error reply).
   */
  is_error?: boolean;
  http?: HttpMessage;
  grpc?: GrpcMessage;
  dns?: DnsMessage;
  tls?: TlsMessage;
  redis?: RedisMessage;
  sql?: SqlMessage;
  kafka?: KafkaMessage;
}

/** Values lie in bucket ceil(log(ns) / log(gamma)); the middle of a bucket is within 2 % of them (DDSketch, VLDB 2019). */
export const LATENCY_GAMMA = 1.04;

/**
 * Cumulative metrics of one route between two ends since the agent's session began. Sent once a second if it changed;
 * after a (re)connect all are sent, with all their buckets.
 */
export interface L7Series {
  /** Stable within the session. */
  id: number;
  source_endpoint: number;
  destination_endpoint: number;
  source_identity: number;
  destination_identity: number;
  service_id: number;
  /** Destination port. */
  port: number;
  /** Address of the end that is no endpoint, '' if both are. */
  peer: string;
  protocol: L7ProtocolName;
  /** `other` holds what came when a bound on the number of routes or series was reached. */
  route: string;
  requests: number;
  responses: number;
  errors: number;
  /** Answers by code: HTTP status, grpc-status, rcode, SQLSTATE, error word; '' where the protocol has none for success. */
  codes: [code: string, count: number][];
  latency_sum_ns: number;
  /** Buckets that changed since they were last sent, with their counts. */
  latency: [bucket: number, count: number][];
}

/** A name that DNS answers gave to an address of the world. */
export interface DnsName {
  address: string;
  name: string;
}

/** Control message KIND.l7 of an agent. */
export interface L7Report {
  /** Unix ns as decimal string. */
  time_ns: string;
  series: L7Series[];
  /** New or changed since the last report; all known ones after a (re)connect. */
  names: DnsName[];
  /** Cumulative. What is missing from events and series, and why. */
  losses: {
    /** Captures left out while the ring had little room, or none. */
    ring: number;
    /** Times a connection's parser lost its place. */
    gaps: number;
    /** Messages that broke their protocol's rules. */
    malformed: number;
    /** Exchanges that are in the series, but sent no events: above the limit of events a second. */
    unsent: number;
    /** Connections forgotten early, for memory. */
    evicted: number;
  };
}
