/**
 * The recent flows, as the bytes that agents sent. A byte budget is cut into segments; each node fills
 * segments of its own, and when the budget is used up the node that holds most gives back its oldest, so a
 * busy node cannot push out a quiet one.
 *
 * Flow ids count up in the order of arrival over all nodes. Records that arrived together with one clock
 * offset form an extent; the list of extents, in id order, is the only index. An extent whose segment was
 * given back is evicted (`segment` null) and is skipped by readers.
 */
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';

export const SEGMENT_BYTES = 256 * 1024;
/** Very small batches would make the index larger than the records; a segment with so many is full. */
const MAX_EXTENTS_PER_SEGMENT = 1024;

/** Where records come from: one agent session. */
export interface FlowSource {
  /** The UUID of the flow at this place. */
  uuid(sequence: number): string;
  readonly names: Names;
  /** Shared by all readers; valid until the next await. */
  readonly cursor: RecordCursor;
  readonly recordSize: number;
}

interface Segment {
  readonly bytes: Buffer;
  readonly view: DataView;
  used: number;
  extents: Extent[];
}

/** A run of records with consecutive ids, and consecutive places in their session. */
export interface Extent {
  readonly source: FlowSource;
  readonly firstId: number;
  /** Place of the first among the records of its session, see BATCH_HEADER. */
  readonly firstSequence: number;
  count: number;
  segment: Segment | null;
  readonly start: number;
  /** Offsets of the records in the segment; null if they lie back to back without captured bytes. */
  readonly offsets: Uint32Array | null;
  readonly clockOffsetNs: bigint;
  /** The same as a number, rounded to 256 ns. */
  readonly clockOffset: number;
  /** Unix ns, rounded to 256 ns: bounds that let a search skip the extent. */
  minTime: number;
  maxTime: number;
}

/** Records to append; they lie one after another in `bytes`. */
export interface NewRecords {
  bytes: Buffer;
  count: number;
  /** Place of the first among the records of its session. */
  firstSequence: number;
  /** Start of each record in `bytes`, or null if all have the source's record size. */
  offsets: Uint32Array | null;
  clockOffsetNs: bigint;
  /** Unix ns of the oldest and newest of them. */
  minTime: number;
  maxTime: number;
}

export class FlowStore {
  readonly #maxSegments: number;
  readonly #byNode = new Map<string, Segment[]>();
  readonly #evictedByNode = new Map<string, number>();
  #segments = 0;
  #extents: Extent[] = [];
  /** Evicted extents still in the list. */
  #evictedExtents = 0;
  #nextId = 1;
  #stored = 0;
  #evicted = 0;
  #newestEvicted = -Infinity;
  #evictedTo = 0;

  /** `bytes` is the budget for records, rounded down to whole segments, at least one. */
  constructor(bytes: number) {
    this.#maxSegments = Math.max(1, Math.floor(bytes / SEGMENT_BYTES));
  }

  /** Id that the next flow will get; ids begin with 1. */
  get nextId(): number {
    return this.#nextId;
  }
  /** Id of the oldest stored flow, `nextId` if there is none. */
  get oldestId(): number {
    return this.#extents.find((extent) => extent.segment !== null)?.firstId ?? this.#nextId;
  }
  /** Unix ns of the oldest stored flow, null if there is none. */
  get oldestTime(): number | null {
    return this.#extents.find((extent) => extent.segment !== null)?.minTime ?? null;
  }
  /** Flows held now. */
  get stored(): number {
    return this.#stored;
  }
  /** Flows overwritten so far. */
  get evicted(): number {
    return this.#evicted;
  }
  /** Flows overwritten so far of one node. */
  evictedOf(node: string): number {
    return this.#evictedByNode.get(node) ?? 0;
  }
  /** Time of the newest flow overwritten so far, Unix ns rounded to 256 ns; -Infinity if there is none. */
  get newestEvicted(): number {
    return this.#newestEvicted;
  }
  /** Id after the last of the flows overwritten so far. */
  get evictedTo(): number {
    return this.#evictedTo;
  }
  /** Flows held now of one node. */
  storedOf(node: string): number {
    let count = 0;
    for (const { extents } of this.#byNode.get(node) ?? []) for (const extent of extents) count += extent.count;
    return count;
  }
  get capacityBytes(): number {
    return this.#maxSegments * SEGMENT_BYTES;
  }
  get usedBytes(): number {
    return this.#segments * SEGMENT_BYTES;
  }

  /** Copies the records in and gives them ids; returns the id of the first. */
  append(source: FlowSource, records: NewRecords): number {
    const firstId = this.#nextId;
    let done = 0;
    while (done < records.count) {
      const segment = this.#writable(source.names.node, sizeOf(source, records, done, done + 1));
      const space = SEGMENT_BYTES - segment.used;
      const end = this.#fitting(source, records, done, space);
      const from = startOf(source, records, done);
      const size = sizeOf(source, records, done, end);
      records.bytes.copy(segment.bytes, segment.used, from, from + size);
      this.#index(source, segment, records, done, end);
      segment.used += size;
      done = end;
    }
    return firstId;
  }

  /** Index in the list of extents from which on records with at least this id are. */
  #extentIndex(id: number): number {
    let low = 0;
    let high = this.#extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const extent = this.#extents[middle];
      if (extent !== undefined && extent.firstId + extent.count <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The extent that holds the first stored flow with id >= `id`, undefined if there is none. */
  extentFrom(id: number): Extent | undefined {
    for (let i = this.#extentIndex(id); i < this.#extents.length; i++) {
      const extent = this.#extents[i];
      if (extent !== undefined && extent.segment !== null) return extent;
    }
    return undefined;
  }

  /** The extent that holds the last stored flow with id <= `id`, undefined if there is none. */
  extentUpTo(id: number): Extent | undefined {
    for (let i = Math.min(this.#extentIndex(id), this.#extents.length - 1); i >= 0; i--) {
      const extent = this.#extents[i];
      if (extent !== undefined && extent.segment !== null && extent.firstId <= id) return extent;
    }
    return undefined;
  }

  /** The extents with flows of ids in [from, to) that are stored now; any may be evicted while the caller waits. */
  extents(from: number, to: number): Extent[] {
    const found: Extent[] = [];
    for (let i = this.#extentIndex(from); i < this.#extents.length; i++) {
      const extent = this.#extents[i];
      if (extent === undefined || extent.firstId >= to) break;
      if (extent.segment !== null) found.push(extent);
    }
    return found;
  }

  /** Flows with ids in [from, to) that were overwritten. */
  countMissing(from: number, to: number): number {
    let present = 0;
    for (let i = this.#extentIndex(from); i < this.#extents.length; i++) {
      const extent = this.#extents[i];
      if (extent === undefined || extent.firstId >= to) break;
      if (extent.segment === null) continue;
      present += Math.min(to, extent.firstId + extent.count) - Math.max(from, extent.firstId);
    }
    return Math.max(0, to - from - present);
  }

  #index(source: FlowSource, segment: Segment, records: NewRecords, first: number, end: number): void {
    const count = end - first;
    const last = this.#extents.at(-1);
    if (
      last !== undefined &&
      last.segment === segment &&
      last.source === source &&
      last.offsets === null &&
      records.offsets === null &&
      last.firstSequence + last.count === records.firstSequence + first &&
      last.clockOffsetNs === records.clockOffsetNs
    ) {
      last.count += count;
      last.minTime = Math.min(last.minTime, records.minTime);
      last.maxTime = Math.max(last.maxTime, records.maxTime);
    } else {
      const shift = segment.used - startOf(source, records, first);
      const extent: Extent = {
        source,
        firstId: this.#nextId,
        firstSequence: records.firstSequence + first,
        count,
        segment,
        start: segment.used,
        offsets: records.offsets === null ? null : records.offsets.slice(first, end).map((offset) => offset + shift),
        clockOffsetNs: records.clockOffsetNs,
        clockOffset: Number(records.clockOffsetNs),
        minTime: records.minTime,
        maxTime: records.maxTime,
      };
      this.#extents.push(extent);
      segment.extents.push(extent);
    }
    this.#nextId += count;
    this.#stored += count;
  }

  /** End (exclusive) of the records from `first` that fit into `space`; at least one does. */
  #fitting(source: FlowSource, records: NewRecords, first: number, space: number): number {
    if (records.offsets === null) return Math.min(records.count, first + Math.floor(space / source.recordSize));
    let end = first + 1;
    while (end < records.count && sizeOf(source, records, first, end + 1) <= space) end += 1;
    return end;
  }

  /** The node's newest segment if `needed` bytes fit, or a fresh one. */
  #writable(node: string, needed: number): Segment {
    const current = this.#byNode.get(node)?.at(-1);
    if (
      current !== undefined &&
      SEGMENT_BYTES - current.used >= needed &&
      current.extents.length < MAX_EXTENTS_PER_SEGMENT
    ) {
      return current;
    }
    const fresh = this.#segments < this.#maxSegments ? this.#allocate() : this.#takeBack();
    // Taking back may have removed this node's own list.
    const own = this.#byNode.get(node) ?? [];
    own.push(fresh);
    this.#byNode.set(node, own);
    return fresh;
  }

  #allocate(): Segment {
    this.#segments += 1;
    const bytes = Buffer.allocUnsafeSlow(SEGMENT_BYTES);
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), used: 0, extents: [] };
  }

  /** Evicts the oldest segment of the node that holds most. */
  #takeBack(): Segment {
    let most: [string, Segment[]] | undefined;
    for (const entry of this.#byNode) {
      if (most === undefined || entry[1].length > most[1].length) most = entry;
    }
    const segment = most?.[1].shift();
    if (most === undefined || segment === undefined) throw new Error('the flow store has no segment to evict');
    if (most[1].length === 0) this.#byNode.delete(most[0]);
    let count = 0;
    for (const extent of segment.extents) {
      extent.segment = null;
      count += extent.count;
      this.#evictedTo = Math.max(this.#evictedTo, extent.firstId + extent.count);
      this.#newestEvicted = Math.max(this.#newestEvicted, extent.maxTime);
    }
    this.#stored -= count;
    this.#evicted += count;
    this.#evictedByNode.set(most[0], this.evictedOf(most[0]) + count);
    this.#evictedExtents += segment.extents.length;
    segment.extents = [];
    segment.used = 0;
    if (this.#evictedExtents > 64 && this.#evictedExtents > this.#extents.length / 2) {
      this.#extents = this.#extents.filter((extent) => extent.segment !== null);
      this.#evictedExtents = 0;
    }
    return segment;
  }
}

function startOf(source: FlowSource, records: NewRecords, index: number): number {
  if (records.offsets === null) return index * source.recordSize;
  return records.offsets[index] ?? records.bytes.length;
}

function sizeOf(source: FlowSource, records: NewRecords, first: number, end: number): number {
  return startOf(source, records, end) - startOf(source, records, first);
}

/** Points the source's cursor at the `index`th record of an extent that is not evicted. */
export function seek(extent: Extent, index: number): RecordCursor {
  const { segment, source } = extent;
  if (segment === null) throw new Error('seek in an evicted extent');
  const offset = extent.offsets?.[index] ?? extent.start + index * source.recordSize;
  return source.cursor.moveTo(segment.view, offset);
}
