/**
 * Clears the flow cache of what has ended, a batch at a time so that the event loop is never held up. The
 * kernel's map forgets nothing by itself; what stays in it is decided here, by protocol and TCP state.
 */
import { FLOW_ENTRY, FLOW_KEY } from '../kernel/layouts.gen.ts';
import type { Batch } from '../kernel/maps.ts';

const S = 1_000_000_000n;
/** Idle times after which a direction may go, ns. As netfilter's conntrack has them, where it has one. */
const IDLE = {
  /** RST, or FIN in both directions; segments may still be on their way. */
  closed: 10n * S,
  /** TCP that nobody answered. */
  unanswered: 60n * S,
  /** FIN in one direction: a half-closed connection may go on for long. */
  closing: 600n * S,
  /** Two hours is what keepalive waits by default (tcp(7)), and a little. */
  established: 8000n * S,
  /** UDP and ICMP say no goodbye. */
  datagrams: 120n * S,
} as const;

/** Idle directions kept in mind within a walk; the rest is looked at again in the next one. */
const MAX_WAITING = 65_536;
/** Directions looked up one by one at the end of a walk; a lookup costs about 3 µs. */
const MAX_ORPHANS = 1024;
const TCP = 6;
const FIN = 0x01;

/** What the sweeper needs of a map. */
export interface SweptMap {
  batches(): Iterator<Batch>;
  get(key: Buffer): Buffer | undefined;
  deleteMany(keys: Buffer, count: number): void;
}

export interface FlowMaps {
  flow_cache: SweptMap;
  flow_overflow: SweptMap;
  /** Holds 1 while the overflow map is in use. */
  overflowing: { get(key: Buffer): Buffer | undefined; set(key: Buffer, value: Buffer): void };
}

const ZERO = Buffer.alloc(4);

export class FlowSweeper {
  readonly #maps: FlowMaps;
  #walk: Iterator<Batch> | undefined;
  #walked: 'flow_cache' | 'flow_overflow' = 'flow_cache';
  #seen = 0;
  /** Idle entries of this walk whose other direction has not been found idle yet: its key, by their own. */
  readonly #waiting = new Map<string, string>();
  /** Entries in the flow cache as the last walk through it found them. */
  entries = 0;

  constructor(maps: FlowMaps) {
    this.#maps = maps;
  }

  /** Looks at one batch. `now`: CLOCK_MONOTONIC, ns. @returns how many entries it deleted. */
  step(now: bigint): number {
    this.#walk ??= this.#maps[this.#walked].batches();
    const { value: batch, done } = this.#walk.next() as IteratorResult<Batch, undefined>;
    if (done === true || batch === undefined) return this.#end(now);
    this.#seen += batch.count;
    return this.#delete(this.#ended(batch, now));
  }

  /**
   * Keys of both directions of connections that are idle in both: never one alone, the other would go on
   * without its answers being translated.
   */
  #ended(batch: Batch, now: bigint): string[] {
    const ended: string[] = [];
    for (let i = 0; i < batch.count; i++) {
      const at = i * FLOW_KEY.size;
      const value = batch.values.subarray(i * FLOW_ENTRY.size, (i + 1) * FLOW_ENTRY.size);
      if (!isIdle(batch.keys[at + FLOW_KEY.fields.protocol.offset] ?? 0, value, now)) continue;
      const key = batch.keys.toString('latin1', at, at + FLOW_KEY.size);
      const peer = peerKey(batch.keys.subarray(at, at + FLOW_KEY.size), value).toString('latin1');
      if (this.#waiting.delete(peer)) ended.push(key, peer);
      else if (this.#waiting.size < MAX_WAITING) this.#waiting.set(key, peer);
    }
    return ended;
  }

  /** What is left over has a busy other direction, none, or one in the other map: only the busy ones stay. Then the next walk. */
  #end(now: bigint): number {
    const isOverflowing = this.#maps.overflowing.get(ZERO)?.readUInt32LE(0) === 1;
    const gone: string[] = [];
    for (const [key, peer] of [...this.#waiting].slice(0, MAX_ORPHANS)) {
      const bytes = Buffer.from(peer, 'latin1');
      const other = this.#maps.flow_cache.get(bytes) ?? this.#maps.flow_overflow.get(bytes);
      if (other === undefined) gone.push(key);
      // Of a connection that was made while the cache filled up, each map has a direction.
      else if (isIdle(bytes[FLOW_KEY.fields.protocol.offset] ?? 0, other, now)) gone.push(key, peer);
    }
    this.#waiting.clear();
    const deleted = this.#delete(gone, isOverflowing);
    if (this.#walked === 'flow_cache') {
      this.entries = this.#seen;
      if (isOverflowing) this.#walked = 'flow_overflow';
    } else {
      this.#walked = 'flow_cache';
      if (this.#seen === 0) this.#maps.overflowing.set(ZERO, Buffer.alloc(4));
    }
    this.#seen = 0;
    this.#walk = undefined;
    return deleted;
  }

  /** `inBoth`: some may lie in the overflow map although the other one is walked. */
  #delete(keys: readonly string[], inBoth = false): number {
    if (keys.length === 0) return 0;
    const bytes = Buffer.from(keys.join(''), 'latin1');
    this.#maps.flow_cache.deleteMany(bytes, keys.length);
    // The directions of a connection made while the cache filled up may lie in both.
    if (inBoth || this.#walked === 'flow_overflow') this.#maps.flow_overflow.deleteMany(bytes, keys.length);
    return keys.length;
  }
}

function isIdle(protocol: number, entry: Buffer, now: bigint): boolean {
  const { closed, last_ns: last, answered, tcp_flags: flags } = FLOW_ENTRY.fields;
  const age = now - entry.readBigUInt64LE(last.offset);
  if (protocol !== TCP) return age > IDLE.datagrams;
  if (entry[closed.offset] !== 0) return age > IDLE.closed;
  if (entry[answered.offset] === 0) return age > IDLE.unanswered;
  return age > (((entry[flags.offset] ?? 0) & FIN) === 0 ? IDLE.established : IDLE.closing);
}

/** The key of the other direction: the translated tuple turned round. */
function peerKey(key: Buffer, value: Buffer): Buffer {
  const { new_source, new_destination, new_source_port_be, new_destination_port_be } = FLOW_ENTRY.fields;
  const peer = Buffer.alloc(FLOW_KEY.size);
  const copy = (from: { offset: number; size: number }, to: { offset: number }): void => {
    value.copy(peer, to.offset, from.offset, from.offset + from.size);
  };
  const { source, destination, source_port_be, destination_port_be, protocol } = FLOW_KEY.fields;
  copy(new_destination, source);
  copy(new_source, destination);
  copy(new_destination_port_be, source_port_be);
  copy(new_source_port_be, destination_port_be);
  peer[protocol.offset] = key[protocol.offset] ?? 0;
  return peer;
}
