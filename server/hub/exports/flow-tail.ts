/**
 * Reads flows from memory as they arrive, for an export. Its place is kept by session and sequence, which mean the same after
 * a restart of the hub, when agents send again what they still have.
 */
import type { HubbleFlow } from '../../wire/hubble.ts';
import { parseTime } from '../../flows/timestamp.ts';
import { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { MESSAGE_SLICE } from '../store/flow-search.ts';
import { type Extent, seek } from '../store/flow-store.ts';
import type { Selection } from './export-request.ts';
import type { ExportedFlow } from './otlp-logs.ts';

/** Records looked at before others get their turn. */
const SLICE = 20_000;
/** Flows in one delivery. */
const MAX_FLOWS = 500;
/** Sessions whose places are kept; those heard of longest ago are forgotten. */
const MAX_SESSIONS = 10_000;

/** Session, in hexadecimal, to the sequence of its next record. */
export type Positions = Record<string, number>;

export class FlowTail {
  readonly #state: HubState;
  readonly #selection: Selection;
  readonly #isResumed: boolean;
  readonly #createdNs: bigint;
  readonly #positions: Map<string, number>;
  /** Places behind what was taken last. */
  #taken = new Map<string, number>();
  readonly #seen = new Set<string>();
  #next: number;
  #missed = 0;

  /**
   * `created` (RFC 3339): no flow before it is exported. `positions` of a former run make this one go on there; null begins
   * with the next flow that arrives.
   */
  constructor(state: HubState, selection: Selection, created: string, positions: Positions | null) {
    this.#state = state;
    this.#selection = selection;
    this.#isResumed = positions !== null;
    this.#createdNs = parseTime(created, 0n) ?? 0n;
    this.#positions = new Map(Object.entries(positions ?? {}));
    this.#next = positions === null ? state.store.nextId : state.store.oldestId;
  }

  /** Records in memory that are still to be looked at. */
  get waiting(): number {
    return this.#state.store.nextId - this.#next;
  }

  get positions(): Positions {
    return Object.fromEntries(this.#positions);
  }

  /** Records that were gone from memory before they could be looked at, since this was asked last. */
  takeMissed(): number {
    const missed = this.#missed;
    this.#missed = 0;
    return missed;
  }

  /** The next matching flows, possibly none, though there may be more to look at. */
  take(): ExportedFlow[] {
    const { store } = this.#state;
    const found: ExportedFlow[] = [];
    const look = this.#selection.filter.messageNames.length > 0 ? MESSAGE_SLICE : SLICE;
    const end = Math.min(store.nextId, this.#next + look);
    const from = this.#next;
    while (this.#next < end && found.length < MAX_FLOWS) {
      const extent = store.extentFrom(this.#next);
      if (extent === undefined || extent.firstId >= end) {
        this.#next = end;
        break;
      }
      this.#next = Math.max(this.#next, extent.firstId);
      this.#read(extent, Math.min(end, extent.firstId + extent.count), found);
    }
    this.#missed += store.countMissing(from, this.#next);
    return found;
  }

  /** What was taken last is delivered, or given up. */
  commit(): void {
    for (const [session, next] of this.#taken) {
      this.#positions.delete(session);
      this.#positions.set(session, next);
    }
    this.#taken = new Map();
    for (const session of this.#positions.keys()) {
      if (this.#positions.size <= MAX_SESSIONS) break;
      this.#positions.delete(session);
    }
  }

  #read(extent: Extent, end: number, found: ExportedFlow[]): void {
    const { filter, mask } = this.#selection;
    const { names } = extent.source;
    const session = names.session.toString(16);
    const known = this.#positions.get(session) ?? 0;
    this.#noteGap(session, known, extent.firstSequence + this.#next - extent.firstId);
    const test = filter.predicate(names);
    const first = extent.firstId;
    for (; this.#next < end && found.length < MAX_FLOWS; this.#next++) {
      const sequence = extent.firstSequence + this.#next - first;
      if (sequence < known) continue;
      const record = seek(extent, this.#next - first);
      if (this.#isResumed && record.timeNs + extent.clockOffsetNs < this.#createdNs) continue;
      if (!test(record, sequence)) continue;
      // Only those who may see everything begin exports.
      const flow = this.#state.flow(extent, this.#next, Visibility.ALL);
      if (flow === null) continue;
      found.push({
        flow,
        line: { flow: (mask?.keep(flow) ?? flow) as HubbleFlow, node_name: flow.node_name, time: flow.time },
      });
    }
    this.#taken.set(session, Math.max(known, extent.firstSequence + this.#next - first));
  }

  /** After a restart an agent may no longer have what comes next. */
  #noteGap(session: string, known: number, sequence: number): void {
    if (this.#seen.has(session)) return;
    this.#seen.add(session);
    if (this.#isResumed && known > 0 && sequence > known) this.#missed += sequence - known;
  }
}
