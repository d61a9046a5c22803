/** Reads the kernel's counters and says which edges changed since the last reading. */
import { formatAddress } from '../wire/address.ts';
import {
  DATAPATH_STATE,
  EDGE_COUNTERS,
  EDGE_KEY,
  EVENT_COUNTERS,
  RTT_BUCKETS,
  STAGE_COUNTERS,
} from '../kernel/layouts.gen.ts';
import type { BpfMap } from '../kernel/maps.ts';
import { readStruct } from '../wire/struct.ts';
import type { Counters, EdgeCounters } from '../wire/agent.ts';
import { OUTCOME, STAGE } from '../wire/lists.gen.ts';

type EdgeDescription = Omit<
  EdgeCounters,
  'packets' | 'bytes' | 'reply_packets' | 'reply_bytes' | 'connections' | 'answered' | 'rtt_histogram'
>;

/** Columns of stage_stats, STAGE_OUTCOMES in bpf/lib/map_defs.h. */
const OUTCOMES = Object.keys(OUTCOME).length;

const COUNTER_FIELDS = ['packets', 'bytes', 'reply_packets', 'reply_bytes', 'connections', 'answered'] as const;

const ZERO_KEY = Buffer.alloc(4);

/** The maps it reads; they belong to the caller. */
export type CounterMaps = Record<'edges' | 'edge_counters' | 'drops' | 'stage_stats' | 'event_stats' | 'state', BpfMap>;

export class CounterReader {
  readonly #maps: CounterMaps;
  readonly #edges = new Map<number, EdgeDescription>();
  /** Packets both ways and connections at the last reading, by slot: equal means nothing changed. */
  #last = new Float64Array(0);
  #buffer = Buffer.alloc(0);

  constructor(maps: CounterMaps) {
    this.#maps = maps;
  }

  /** Slots of edges that are given out. */
  get usedEdges(): number {
    return Math.min(this.#nextEdge(), this.#maps.edge_counters.shape.maxEntries - 1);
  }

  /** Edges that changed since the last call (all that ever counted, if `all`), and the sums of the overflow slot. */
  edges(all: boolean): { edges: EdgeCounters[]; overflow: Counters['overflow'] } {
    const used = this.usedEdges + 1;
    if (this.#edges.size < used - 1) this.#describe();
    const { stride } = this.#maps.edge_counters;
    if (this.#buffer.length < used * stride) this.#buffer = Buffer.alloc(used * 2 * stride);
    this.#maps.edge_counters.readArray(used, this.#buffer);
    if (this.#last.length < used) {
      const grown = new Float64Array(used * 2);
      grown.set(this.#last);
      this.#last = grown;
    }
    const edges: EdgeCounters[] = [];
    for (let slot = 1; slot < used; slot++) {
      const description = this.#edges.get(slot);
      if (description === undefined) continue;
      const mark = this.#sum(slot, 'packets') + this.#sum(slot, 'reply_packets') + this.#sum(slot, 'answered');
      if (mark === 0 || (!all && mark === this.#last[slot])) continue;
      this.#last[slot] = mark;
      edges.push({ ...description, ...this.#counts(slot) });
    }
    return { edges, overflow: { packets: this.#sum(0, 'packets'), bytes: this.#sum(0, 'bytes') } };
  }

  /** Cumulative drops by reason number. */
  drops(): Record<number, number> {
    const { shape, stride } = this.#maps.drops;
    const values = this.#maps.drops.readArray(shape.maxEntries, Buffer.alloc(shape.maxEntries * stride));
    const drops: Record<number, number> = {};
    for (let reason = 0; reason < shape.maxEntries; reason++) {
      let sum = 0;
      for (let at = reason * stride; at < (reason + 1) * stride; at += 8) sum += u64(values, at);
      if (sum > 0) drops[reason] = sum;
    }
    return drops;
  }

  stages(): Counters['stages'] {
    const { shape, stride } = this.#maps.stage_stats;
    const values = this.#maps.stage_stats.readArray(shape.maxEntries, Buffer.alloc(shape.maxEntries * stride));
    const rows: Counters['stages'] = [];
    for (const stage of Object.values(STAGE)) {
      for (const outcome of Object.values(OUTCOME)) {
        const at = (stage * OUTCOMES + outcome) * stride;
        const sums = sumCopies(values, at, stride, STAGE_COUNTERS.size);
        if (sums[0] !== 0) rows.push([stage, outcome, sums[0] ?? 0, sums[1] ?? 0, sums[2] ?? 0]);
      }
    }
    return rows;
  }

  /** Records written to the ring, and those it had no room for. */
  events(): { written: number; lost: number } {
    const value = this.#maps.event_stats.get(ZERO_KEY);
    if (value === undefined) return { written: 0, lost: 0 };
    const [written = 0, lost = 0] = sumCopies(value, 0, this.#maps.event_stats.stride, EVENT_COUNTERS.size);
    return { written, lost };
  }

  /** Captured payloads written to their ring, and those it had no room for. */
  captures(): { written: number; lost: number } {
    const value = this.#maps.event_stats.get(ZERO_KEY);
    if (value === undefined) return { written: 0, lost: 0 };
    const sums = sumCopies(value, 0, this.#maps.event_stats.stride, EVENT_COUNTERS.size);
    return { written: sums[2] ?? 0, lost: sums[3] ?? 0 };
  }

  #nextEdge(): number {
    const value = this.#maps.state.get(ZERO_KEY);
    return value === undefined ? 0 : readStruct(DATAPATH_STATE, value).next_edge;
  }

  #describe(): void {
    for (const [key, value] of this.#maps.edges.entries()) {
      const slot = value.readUInt32LE(0);
      if (this.#edges.has(slot)) continue;
      const edge = readStruct(EDGE_KEY, key);
      const peer = new DataView(edge.peer.buffer, edge.peer.byteOffset, 16);
      this.#edges.set(slot, {
        slot,
        source_endpoint: edge.source_endpoint,
        destination_endpoint: edge.destination_endpoint,
        source_identity: edge.source_identity,
        destination_identity: edge.destination_identity,
        service_id: edge.service_id,
        port: edge.port,
        protocol: edge.protocol,
        verdict: edge.verdict,
        drop_reason: edge.drop_reason,
        peer: edge.peer.every((byte) => byte === 0) ? '' : formatAddress(peer, 0),
      });
    }
  }

  #sum(slot: number, field: (typeof COUNTER_FIELDS)[number]): number {
    const { stride, shape } = this.#maps.edge_counters;
    const copy = stride / shape.copies;
    let sum = 0;
    for (let cpu = 0; cpu < shape.copies; cpu++) {
      sum += u64(this.#buffer, slot * stride + cpu * copy + EDGE_COUNTERS.fields[field].offset);
    }
    return sum;
  }

  #counts(slot: number): Pick<EdgeCounters, (typeof COUNTER_FIELDS)[number] | 'rtt_histogram'> {
    const { stride, shape } = this.#maps.edge_counters;
    const copy = stride / shape.copies;
    const rtt_histogram: number[] = Array.from({ length: RTT_BUCKETS }, () => 0);
    for (let cpu = 0; cpu < shape.copies; cpu++) {
      const at = slot * stride + cpu * copy + EDGE_COUNTERS.fields.rtt.offset;
      for (let bucket = 0; bucket < RTT_BUCKETS; bucket++) {
        rtt_histogram[bucket] = (rtt_histogram[bucket] ?? 0) + this.#buffer.readUInt32LE(at + bucket * 4);
      }
    }
    return {
      packets: this.#sum(slot, 'packets'),
      bytes: this.#sum(slot, 'bytes'),
      reply_packets: this.#sum(slot, 'reply_packets'),
      reply_bytes: this.#sum(slot, 'reply_bytes'),
      connections: this.#sum(slot, 'connections'),
      answered: this.#sum(slot, 'answered'),
      rtt_histogram,
    };
  }
}

/** A u64 as number: exact up to 2^53, which a counter of bytes takes a century to reach. */
function u64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

/** Sums the u64 fields of a struct over the copies of all CPUs. */
function sumCopies(buffer: Buffer, at: number, stride: number, size: number): number[] {
  const sums: number[] = Array.from({ length: size / 8 }, () => 0);
  for (let copy = 0; copy < stride; copy += size) {
    for (let field = 0; field < sums.length; field++)
      sums[field] = (sums[field] ?? 0) + u64(buffer, at + copy + field * 8);
  }
  return sums;
}
