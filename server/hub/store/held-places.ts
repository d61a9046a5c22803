/** Which records memory had at one moment, by session and place. */
import type { FlowKey } from './flow-key.ts';
import type { Part } from './memory-flows.ts';

/** A session whose records are counted as they arrive. */
export interface CountedSession {
  readonly names: { readonly session: bigint };
  /** Place that the next record will have; 0 before the first. */
  readonly nextSequence: number;
}

/** A run of places, [from, to). */
export interface Run {
  readonly from: number;
  readonly to: number;
}

export class HeldPlaces {
  /** The newest run of each session. */
  readonly newest: ReadonlyMap<bigint, Run>;
  /** Runs before it, where the hub missed something in between. */
  readonly #earlier = new Map<bigint, Run[]>();

  /**
   * `sessions`: those that may get more records. With `isFollowed` what they get later counts as had, since followers
   * get it as it comes.
   */
  constructor(parts: readonly Part[], sessions: readonly CountedSession[], isFollowed: boolean) {
    const newest = new Map<bigint, Run>();
    for (const { extent, from, to } of parts) {
      const { session } = extent.source.names;
      const run = { from: extent.firstSequence + from, to: extent.firstSequence + to };
      const before = newest.get(session);
      if (before !== undefined && before.to !== run.from) {
        this.#earlier.set(session, [...(this.#earlier.get(session) ?? []), before]);
      }
      newest.set(session, before?.to === run.from ? { from: before.from, to: run.to } : run);
    }
    if (isFollowed) {
      for (const { names, nextSequence } of sessions) {
        const from = newest.get(names.session)?.from ?? nextSequence;
        if (from > 0 || newest.has(names.session)) newest.set(names.session, { from, to: Infinity });
      }
    }
    this.newest = newest;
  }

  knows(session: bigint): boolean {
    return this.newest.has(session);
  }

  has({ session, sequence }: Pick<FlowKey, 'session' | 'sequence'>): boolean {
    const newest = this.newest.get(session);
    if (newest === undefined) return false;
    if (sequence >= newest.from) return sequence < newest.to;
    return this.#earlier.get(session)?.some((run) => sequence >= run.from && sequence < run.to) ?? false;
  }
}
