/**
 * What a protocol's parser is to the rest: it gets the captured bytes of one connection and tells of messages. The
 * table of connections (connections.ts) makes one a connection, feeds it, and turns what it tells into events and
 * metrics.
 *
 * Rules for every parser: it holds at most MAX_PARSER_BYTES and MAX_PENDING requests whatever it is fed; it never
 * throws, and never loops without consuming; bytes it cannot make sense of are `malformed`, bytes it needed but did not
 * get are a `gap`, and after either it goes on with the next capture that begins with a head it knows. It builds an
 * L7Message only if `wantsEvent` says that it will be used.
 */
import type { L7Message, L7ProtocolName } from '../../wire/l7.ts';

/** Bytes a parser may keep of a connection: heads that are not whole yet, decoder tables, names of statements. */
export const MAX_PARSER_BYTES = 64 * 1024;
/** Requests a parser remembers until their answers come. */
export const MAX_PENDING = 256;

/** The values of heads that may be shown: with METADATA only those that can hold no secret. */
export type Redaction = 'metadata' | 'full';

export interface MessageSink {
  /**
   * Asked once a request, before its message is built. If it says no, the request and its answer send no events;
   * `exchange` counts them all the same.
   */
  wantsEvent(): boolean;
  /** An event, with the ends and the time of the bytes at hand. */
  event(message: L7Message): void;
  /**
   * What metrics count such a message under: the operation itself, or with a path in place of one, the path's template.
   * `GET`, `/orders/17` -> `GET /orders/{id}`.
   */
  route(protocol: L7ProtocolName, operation: string, path?: string): string;
  /** Counts a request, the moment it is seen. */
  request(protocol: L7ProtocolName, route: string): void;
  /** Counts its answer: `code` as in L7Series.codes. */
  response(protocol: L7ProtocolName, route: string, code: string, isError: boolean, latencyNs: number): void;
  /** DNS gave these addresses the name. */
  name(name: string, addresses: readonly string[]): void;
  /** Bytes that were needed did not come. */
  gap(): void;
  /** Bytes that break the protocol's rules. */
  malformed(): void;
}

export interface Parser {
  /**
   * Bytes in the order of the stream, valid during the call. Each call begins where a capture begins, so a parser that
   * has lost its place looks for a head at the first byte only. `timeNs`: CLOCK_MONOTONIC, a number.
   */
  data(fromClient: boolean, bytes: Buffer, timeNs: number): void;
  /** `length` bytes of the stream were not captured: a body's rest, or lost. */
  skip(fromClient: boolean, length: number): void;
  /** What it keeps now, bytes. */
  readonly bytes: number;
  /** The connection speaks another protocol from here on (an upgrade), undefined if not: a parser for it takes over. */
  readonly next?: Parser | undefined;
}

export type ParserFactory = (sink: MessageSink, redaction: Redaction) => Parser;
