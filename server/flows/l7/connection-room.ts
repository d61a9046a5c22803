/**
 * The connections that are remembered, and what they may take together: those not heard of for longest are forgotten first,
 * and begin anew if they are heard of again.
 */
import type { ByteOrder } from './byte-order.ts';
import { MAX_PARSER_BYTES, type Parser } from './parser.ts';
import type { EndsHandle } from './series.ts';

export const MAX_CONNECTIONS = 16_384;
/** Bytes that all parsers may keep together. */
export const MAX_BYTES = 64 * 1024 * 1024;
/** One that is idle for so long, ns, is no loss when it is forgotten: its end was not told, or its kind has none (UDP). */
const IDLE_NS = 300e9;
/** What a connection takes beside what its parser keeps: measured 1.3 KB for HTTP/1, 2.8 KB for HTTP/2. */
const CONNECTION_BYTES = 2048;

export interface Connection {
  readonly key: number;
  protocol: number;
  /** L7_MODE that its parser was made for. */
  readonly mode: number;
  parser: Parser;
  readonly client: ByteOrder;
  readonly server: ByteOrder;
  readonly ends: EndsHandle;
  /** What routes are learned by. */
  readonly service: number;
  /** Of its parser's, as counted last. */
  bytes: number;
  lastNs: number;
  /** Heard of since it was last looked at for room. */
  isRecent: boolean;
}

export class ConnectionRoom {
  readonly #connections = new Map<number, Connection>();
  #bytes = 0;
  #evicted = 0;

  get size(): number {
    return this.#connections.size;
  }

  /** Bytes they take now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Forgotten early, so far. */
  get evicted(): number {
    return this.#evicted;
  }

  get(key: number): Connection | undefined {
    return this.#connections.get(key);
  }

  add(connection: Connection): void {
    this.#connections.set(connection.key, connection);
    this.#bytes += CONNECTION_BYTES + connection.bytes;
    if (this.#connections.size > MAX_CONNECTIONS) this.#evict(connection);
  }

  remove(connection: Connection): void {
    this.#bytes -= CONNECTION_BYTES + connection.bytes;
    this.#connections.delete(connection.key);
  }

  /** Counts what its parser keeps now, and makes room if that is too much. */
  count(connection: Connection): void {
    const { bytes } = connection.parser;
    this.#bytes += bytes - connection.bytes;
    connection.bytes = bytes;
    if (bytes > MAX_PARSER_BYTES) {
      this.#evicted++;
      this.remove(connection);
    } else if (this.#bytes > MAX_BYTES) {
      this.#evict(connection);
    }
  }

  /** The oldest that were not heard of since the last look go first. */
  #evict(kept: Connection): void {
    for (const connection of this.#connections.values()) {
      if (this.#connections.size <= MAX_CONNECTIONS && this.#bytes <= MAX_BYTES) return;
      if (connection === kept) continue;
      if (connection.isRecent) {
        // Once more to the end of the line.
        connection.isRecent = false;
        this.#connections.delete(connection.key);
        this.#connections.set(connection.key, connection);
      } else {
        if (kept.lastNs - connection.lastNs < IDLE_NS) this.#evicted++;
        this.remove(connection);
      }
    }
  }
}
