/** Which records memory had at one moment, by session and place; records that came later count as had. */
import type { FlowKey } from './flow-key.ts';
import type { Part } from './memory-flows.ts';

/** A session whose records are counted as they arrive. */
export interface CountedSession {
  readonly names: { readonly session: bigint };
  /** Place that the next record will have. */
  readonly nextSequence: number;
}

/** A run of places, [from, to). */
interface Run {
  from: number;
  to: number;
}

export class HeldPlaces {
  /** From this place on memory has, or had to get, everything of the session. */
  readonly limits: ReadonlyMap<bigint, number>;
  /** Runs before the limit, where the hub missed something in between. */
  readonly #earlier = new Map<bigint, Run[]>();

  /** `sessions`: those that may get more records. */
  constructor(parts: readonly Part[], sessions: readonly CountedSession[]) {
    const last = new Map<bigint, Run>();
    for (const { extent, from, to } of parts) {
      const { session } = extent.source.names;
      const run = { from: extent.firstSequence + from, to: extent.firstSequence + to };
      const before = last.get(session);
      if (before !== undefined && before.to === run.from) before.to = run.to;
      else {
        if (before !== undefined) this.#earlier.set(session, [...(this.#earlier.get(session) ?? []), before]);
        last.set(session, run);
      }
    }
    const limits = new Map<bigint, number>();
    for (const [session, { from }] of last) limits.set(session, from);
    for (const { names, nextSequence } of sessions) {
      if (!limits.has(names.session)) limits.set(names.session, nextSequence);
    }
    this.limits = limits;
  }

  knows(session: bigint): boolean {
    return this.limits.has(session);
  }

  has({ session, sequence }: Pick<FlowKey, 'session' | 'sequence'>): boolean {
    const limit = this.limits.get(session);
    if (limit === undefined) return false;
    if (sequence >= limit) return true;
    return this.#earlier.get(session)?.some((run) => sequence >= run.from && sequence < run.to) ?? false;
  }
}
