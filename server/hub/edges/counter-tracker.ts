/**
 * Turns the cumulative counters of one node's kernel into increments. Knows when a first value is an
 * increment (the hub saw these counters from zero) and when it is only a baseline: history that the hub
 * did not watch must not appear as one second of traffic.
 */
import type { Counters, EdgeCounters } from '../../wire/agent.ts';
import type { Names } from '../../flows/dictionary.ts';
import { Baseline, type SeenFromStart } from '../baseline.ts';
import { COUNTS, type EdgeTotals, RTT_BUCKETS, TrackedEdge, zeroTotals } from './tracked-edge.ts';

export interface EdgeIncrement {
  edge: TrackedEdge;
  by: EdgeTotals;
}

export interface Increments {
  edges: EdgeIncrement[];
  /** Dropped packets. */
  drops: number;
  /** False if something was counted that no increment shows. */
  exact: boolean;
}

export class CounterTracker {
  readonly #baseline = new Baseline<{ names: Names; counters: Counters }>();
  #edges = new Map<number, TrackedEdge>();
  #drops: Record<number, number> = {};
  #overflow = 0;

  /** The agent's connection is new: its next message may cover a time of silence. */
  reconnected(): void {
    this.#baseline.reconnected();
  }

  /** What the agent's counters say now, as it would tell a hub that has just begun to listen. */
  current(): EdgeCounters[] {
    const edges = new Map<number, EdgeCounters>();
    for (const [slot, edge] of this.#edges) edges.set(slot, edge.counters(slot));
    for (const { counters } of this.#baseline.pending) for (const entry of counters.edges) edges.set(entry.slot, entry);
    return [...edges.values()];
  }

  /** `now` is Unix ms at arrival. */
  apply(names: Names, countersId: string, counters: Counters, fromStart: SeenFromStart, now: number): Increments {
    const { isNew, take, exact } = this.#baseline.read(countersId, { names, counters }, fromStart, now);
    const result: Increments = { edges: [], drops: 0, exact };
    if (isNew) {
      this.#edges = new Map();
      this.#drops = {};
      this.#overflow = 0;
    }
    for (const { message, as } of take) {
      if (as === 'increment') this.#add(message.names, message.counters, result);
      else this.#rebase(message.names, message.counters);
    }
    return result;
  }

  #rebase(names: Names, counters: Counters): void {
    for (const entry of counters.edges) {
      const edge = new TrackedEdge(names, entry);
      edge.last = totalsOf(entry);
      this.#edges.set(entry.slot, edge);
    }
    this.#drops = counters.drops;
    this.#overflow = counters.overflow.packets;
  }

  #add(names: Names, counters: Counters, result: Increments): void {
    for (const entry of counters.edges) {
      const totals = totalsOf(entry);
      const edge = this.#edgeOf(names, entry);
      const by = difference(totals, edge.last);
      edge.last = totals;
      // Going backwards without a new counters_id: somebody else wrote the map. Start from here.
      if (by === null) result.exact = false;
      else if (COUNTS.some((count) => by[count] > 0)) result.edges.push({ edge, by });
    }
    for (const [reason, count] of Object.entries(counters.drops)) {
      result.drops += Math.max(0, count - (this.#drops[Number(reason)] ?? 0));
    }
    this.#drops = counters.drops;
    if (counters.overflow.packets > this.#overflow) result.exact = false;
    this.#overflow = counters.overflow.packets;
  }

  #edgeOf(names: Names, entry: EdgeCounters): TrackedEdge {
    const known = this.#edges.get(entry.slot);
    if (known?.is(names, entry) === true) return known;
    const edge = new TrackedEdge(names, entry);
    // A new agent session has new names for the same slot of the same kernel map: counting goes on.
    if (known?.is(known.names, entry) === true) edge.last = known.last;
    this.#edges.set(entry.slot, edge);
    return edge;
  }
}

function totalsOf(entry: EdgeCounters): EdgeTotals {
  const totals = zeroTotals();
  for (const count of COUNTS) totals[count] = entry[count];
  totals.rtt = entry.rtt_histogram;
  return totals;
}

/** Null if any counter went backwards. */
function difference(now: EdgeTotals, before: EdgeTotals): EdgeTotals | null {
  const by = zeroTotals();
  for (const count of COUNTS) {
    by[count] = now[count] - before[count];
    if (by[count] < 0) return null;
  }
  let measured = 0;
  const rtt: number[] = [];
  for (let i = 0; i < RTT_BUCKETS; i++) {
    const more = (now.rtt[i] ?? 0) - (before.rtt[i] ?? 0);
    if (more < 0) return null;
    measured += more;
    rtt.push(more);
  }
  if (measured > 0) by.rtt = rtt;
  return by;
}
