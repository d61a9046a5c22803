/**
 * Sums of the minute that is open. What agents count only grows, so a row holds what was counted before the minute and
 * up to now: it may be written again while the minute lasts, and rows of one minute merge to the widest.
 */
import type { Increments } from '../edges/counter-tracker.ts';
import {
  addTotals,
  COUNTS,
  type EdgeTotals,
  RTT_BUCKETS,
  type TrackedEdge,
  zeroTotals,
} from '../edges/tracked-edge.ts';
import type { TrackedEnds } from '../edges/tracked-ends.ts';
import { addL7, type L7Totals, LOSS_SUMS, zeroL7, zeroLosses } from '../l7/l7-totals.ts';
import type { L7Increments } from '../l7/series-tracker.ts';
import type { TrackedSeries } from '../l7/tracked-series.ts';
import type { WrittenTable } from './block.ts';
import type { RowWriter } from './row-binary.ts';
import type { WrittenSession } from './written-session.ts';

/** Records that are missing: in the kernel's ring, in the agent's buffer, and places that no batch had. */
export interface Missing {
  ring: number;
  buffer: number;
  places: number;
}

interface Sums {
  edges: Map<TrackedEdge, { from: number[]; isChanged: boolean }>;
  series: Map<TrackedSeries, { from: L7Totals; isChanged: boolean }>;
  received: number;
  missing: Missing;
  losses: ReturnType<typeof zeroLosses>;
  connectedMs: number;
  exact: boolean;
}

export class MinuteSums {
  readonly #hub: string;
  /** Unix minutes. */
  #minute = 0;
  readonly #sessions = new Map<WrittenSession, Sums>();

  /** `hub` names this hub's process. */
  constructor(hub: string) {
    this.#hub = hub;
  }

  /** Whether a time (Unix ms) lies in another minute than the sums: they are to be written before more is added. */
  isOver(now: number): boolean {
    return Math.floor(now / 60_000) !== this.#minute;
  }

  /** Forgets the minute, and opens that of `now` (Unix ms). */
  open(now: number): void {
    this.#minute = Math.floor(now / 60_000);
    this.#sessions.clear();
  }

  edges(session: WrittenSession, { edges, exact }: Increments): void {
    const sums = this.#of(session);
    sums.exact &&= exact;
    // One edge may have grown twice by one message: `last` is what it came to.
    const fresh = new Map<TrackedEdge, EdgeTotals>();
    for (const { edge, by } of edges) {
      const row = sums.edges.get(edge);
      if (row === undefined) addTotals(entry(fresh, edge, zeroTotals), by);
      else row.isChanged = true;
    }
    for (const [edge, by] of fresh) sums.edges.set(edge, { from: before(edge.last, by), isChanged: true });
  }

  l7(session: WrittenSession, { series, losses, exact }: L7Increments): void {
    const sums = this.#of(session);
    sums.exact &&= exact;
    LOSS_SUMS.add(sums.losses, losses);
    const grown = new Map<TrackedSeries, L7Totals>();
    for (const [one, by] of series) addL7(entry(grown, one, zeroL7), by);
    for (const [one, by] of grown) {
      const { from } = entry(sums.series, one, () => ({ from: beforeCounts(one.last, by), isChanged: true }));
      startOf(from.codes, one.last.codes, by.codes);
      startOf(from.latency, one.last.latency, by.latency);
      sums.series.set(one, { from, isChanged: true });
    }
  }

  received(session: WrittenSession, records: number, missing: Readonly<Missing>): void {
    const sums = this.#of(session);
    sums.received += records;
    sums.missing.ring += missing.ring;
    sums.missing.buffer += missing.buffer;
    sums.missing.places += missing.places;
  }

  /** The agent was connected for so long. */
  connected(session: WrittenSession, ms: number): void {
    this.#of(session).connectedMs += ms;
  }

  /** Writes what changed since it was written last; `to` says where the next row goes. */
  write(to: (table: WrittenTable, session: WrittenSession) => RowWriter): void {
    for (const [session, sums] of this.#sessions) {
      for (const [edge, row] of sums.edges) {
        if (row.isChanged) this.#edge(to('edges_1m', session), session, edge, row.from);
        row.isChanged = false;
      }
      for (const [series, row] of sums.series) {
        if (row.isChanged) this.#series(to('l7_1m', session), session, series, row.from);
        row.isChanged = false;
      }
      this.#node(to('node_1m', session), session, sums);
    }
  }

  #of(session: WrittenSession): Sums {
    return entry(this.#sessions, session, () => ({
      edges: new Map(),
      series: new Map(),
      received: 0,
      missing: { ring: 0, buffer: 0, places: 0 },
      losses: zeroLosses(),
      connectedMs: 0,
      exact: true,
    }));
  }

  #edge(
    to: RowWriter,
    { session: { hello, names } }: WrittenSession,
    edge: TrackedEdge,
    from: readonly number[],
  ): void {
    to.u32(this.#minute * 60)
      .string(hello.node)
      .string(hello.counters_id)
      .u32(edge.slot)
      .u64(names.session);
    writeEnds(to, edge);
    to.u8(edge.protocol).u8(edge.verdict).u8(edge.dropReason).u64s(from).u64s(flat(edge.last));
  }

  #series(to: RowWriter, { session: { hello, names } }: WrittenSession, series: TrackedSeries, from: L7Totals): void {
    const { last } = series;
    to.u32(this.#minute * 60)
      .string(hello.node)
      .u64(names.session)
      .u32(series.id);
    writeEnds(to, series);
    to.string(series.l7Protocol).string(series.route);
    for (const count of ['requests', 'responses', 'errors', 'latencySumNs'] as const)
      to.u64(from[count]).u64(last[count]);
    const code = (it: string): void => void to.string(it);
    to.map(from.codes, code).map(only(last.codes, from.codes), code);
    const bucket = (it: number): void => void to.u32(it);
    to.map(from.latency, bucket).map(only(last.latency, from.latency), bucket);
  }

  #node(
    to: RowWriter,
    { session: { hello, names } }: WrittenSession,
    { received, missing, losses, connectedMs, exact }: Sums,
  ): void {
    to.u32(this.#minute * 60)
      .string(hello.node)
      .string(this.#hub)
      .u64(names.session);
    // Batches that an agent's buffer dropped leave a gap, too.
    const transit = Math.max(0, missing.places - missing.buffer);
    to.u64(received).u64(missing.ring).u64(missing.buffer).u64(transit);
    to.u64(losses.ring).u64(losses.gaps).u64(losses.malformed).u64(losses.unsent).u64(losses.evicted);
    to.u8(Math.min(60, Math.round(connectedMs / 1000))).u8(Number(exact));
  }
}

function writeEnds(to: RowWriter, ends: TrackedEnds): void {
  to.u32(ends.endpoint('source')).u32(ends.endpoint('destination'));
  to.u32(ends.identity('source')).u32(ends.identity('destination'));
  to.u32(ends.serviceId).u16(ends.targetPort).string(ends.peer);
}

/** In the order of the column. */
function flat(totals: EdgeTotals): number[] {
  return [
    ...COUNTS.map((count) => totals[count]),
    ...Array.from({ length: RTT_BUCKETS }, (_, i) => totals.rtt[i] ?? 0),
  ];
}

function before(last: EdgeTotals, by: EdgeTotals): number[] {
  const grown = flat(by);
  return flat(last).map((total, i) => total - (grown[i] ?? 0));
}

function beforeCounts(last: L7Totals, by: L7Totals): L7Totals {
  return {
    ...zeroL7(),
    requests: last.requests - by.requests,
    responses: last.responses - by.responses,
    errors: last.errors - by.errors,
    latencySumNs: last.latencySumNs - by.latencySumNs,
  };
}

/** Keeps what was counted before for keys that are counted for the first time in the minute. */
function startOf<K>(from: Map<K, number>, last: ReadonlyMap<K, number>, by: ReadonlyMap<K, number>): void {
  for (const [key, more] of by) if (!from.has(key)) from.set(key, (last.get(key) ?? 0) - more);
}

function only<K>(of: ReadonlyMap<K, number>, keys: ReadonlyMap<K, number>): Map<K, number> {
  return new Map([...keys.keys()].map((key) => [key, of.get(key) ?? 0]));
}

function entry<K, V>(of: Map<K, V>, key: K, make: () => V): V {
  let value = of.get(key);
  if (value === undefined) {
    value = make();
    of.set(key, value);
  }
  return value;
}
