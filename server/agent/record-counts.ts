/**
 * Where the records of this agent's session are: what the kernel says it produced against what lies in the ring and what was
 * taken out of it. Each figure has its own source, so that a fault shows as a sum that does not come out.
 */
import type { AgentCounters } from './hub-connection.ts';

/** Readings in a row, until the kernel wrote nothing between the first figure and the last. */
const TRIES = 4;
/** Of each record in the ring. */
const RING_HEADER = 8;

export interface RecordSources {
  /** Cumulative since the maps were made: records written to the ring, and those it had no room for. */
  kernel: () => { written: number; lost: number };
  /** Bytes written to the ring and not taken yet. */
  ringBytes: () => number;
  recordSize: number;
  /** `lost` of the kernel that former agents told of. */
  lostBefore: number;
}

/** What the agent took over so far. */
export interface Taken {
  /** Out of the ring. */
  drained: number;
  /** These, and messages. */
  taken: number;
  /** Of these, in batches. */
  batched: number;
  /** Given up, and received by no hub. */
  buffer: number;
}

export class RecordCounter {
  readonly #sources: RecordSources;
  readonly #takenBefore: number;

  /** Made before anything is taken out of the ring. */
  constructor(sources: RecordSources) {
    this.#sources = sources;
    const { written, waiting } = this.#read();
    this.#takenBefore = written - waiting;
  }

  /** All of one moment: nothing is drained while it is asked. */
  counts({ drained, taken, batched, buffer }: Taken): AgentCounters['records'] {
    const { written, lost, waiting } = this.#read();
    const ring = lost - this.#sources.lostBefore;
    return {
      produced: written - this.#takenBefore + ring + (taken - drained),
      ring,
      buffer,
      unbatched: waiting + taken - batched,
      taken_before: this.#takenBefore,
    };
  }

  #read(): { written: number; lost: number; waiting: number } {
    const { kernel, ringBytes, recordSize } = this.#sources;
    let counts = kernel();
    for (let i = 1; ; i++) {
      const waiting = Math.round(ringBytes() / (recordSize + RING_HEADER));
      const after = kernel();
      if (i === TRIES || (after.written === counts.written && after.lost === counts.lost)) return { ...after, waiting };
      counts = after;
    }
  }
}
