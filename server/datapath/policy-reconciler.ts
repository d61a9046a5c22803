/**
 * Brings the policy map to the desired contents in three steps, which the reconciler sets between its
 * others: entries are written before anything needs them, and removed before or after the addresses change,
 * whichever never allows what neither the old nor the new state allows.
 */
import { ISOLATED_EGRESS, ISOLATED_INGRESS, POLICY_KEY } from '../kernel/layouts.gen.ts';
import type { Changes, MapWriter } from './map-writer.ts';
import {
  directionOf,
  newBatch,
  peerOf,
  type PolicyContents,
  readEntry,
  type SubjectPolicy,
  writeEntry,
  writeKey,
} from './policy-entry.ts';

interface Entry {
  subject: number;
  code: number;
  value: number;
}

/** What a pass has to do. */
export interface PolicyPass {
  /** Identities whose entries change as subject. */
  changed: ReadonlySet<number>;
  /** First: new and changed entries. */
  readonly write: () => void;
  /** Second: what isolated subjects must not allow any more. */
  readonly deleteStale: () => void;
  /** Last, after the addresses: what no address leads to any more. */
  readonly deleteUnused: () => void;
}

const NOTHING: PolicyContents = new Map();

export class PolicyReconciler {
  readonly #map: MapWriter;
  /** What the kernel holds, by subject; null if that has to be read. */
  #held: Map<number, PolicyContents> | null = null;

  constructor(map: MapWriter) {
    this.#map = map;
  }

  /** How many entries the kernel holds, as far as is known. */
  get entries(): number {
    let sum = 0;
    for (const contents of this.#held?.values() ?? []) sum += contents.size;
    return sum;
  }

  /**
   * Compares with what was written last, or with the kernel if `verify` is set or a step failed before.
   * `peers`: the identities that are behind an address. Its steps are called in order; the last one only if the addresses were written.
   */
  plan(
    desired: ReadonlyMap<number, SubjectPolicy>,
    peers: { has(identity: number): boolean },
    verify: boolean,
    changes: Changes,
  ): PolicyPass {
    const foreign: Buffer[] = [];
    const held = verify || this.#held === null ? this.#read(foreign) : this.#held;
    const upserts: Entry[] = [];
    const stale: Entry[] = [];
    const unused: Entry[] = [];
    const changed = new Set<number>();
    for (const [subject, { contents, isolated }] of desired) {
      const now = held.get(subject) ?? NOTHING;
      if (now === contents) continue;
      const before = upserts.length + stale.length + unused.length;
      for (const [code, value] of contents) if (now.get(code) !== value) upserts.push({ subject, code, value });
      for (const [code, value] of now) {
        if (contents.has(code)) continue;
        const bit = directionOf(code) === 'ingress' ? ISOLATED_INGRESS : ISOLATED_EGRESS;
        // An identity that is nobody's any more goes last: until the addresses are written its pods still have it.
        const goesNow = (isolated & bit) !== 0 && peers.has(peerOf(code));
        (goesNow ? stale : unused).push({ subject, code, value });
      }
      if (upserts.length + stale.length + unused.length > before) changed.add(subject);
    }
    for (const [subject, contents] of held) {
      if (desired.has(subject)) continue;
      changed.add(subject);
      for (const [code, value] of contents) unused.push({ subject, code, value });
    }
    // Known again when all steps have succeeded.
    this.#held = null;
    let failed = false;
    const step = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    return {
      changed,
      write: () => step(() => this.#write(upserts, changes)),
      deleteStale: () =>
        step(() => {
          this.#deleteKeys(Buffer.concat(foreign), foreign.length, changes);
          this.#delete(stale, changes);
        }),
      deleteUnused: () => {
        step(() => this.#delete(unused, changes));
        if (!failed) this.#held = new Map(Array.from(desired, ([subject, { contents }]) => [subject, contents]));
      },
    };
  }

  /** Every number the map uses, so that none of them is given to something else. */
  *numbers(): Generator<{ subject: number; peer: number; rule: number }> {
    for (const [key, value] of this.#map.entries()) {
      const found = readEntry(key, value);
      if (found !== null) yield { subject: found.subject, peer: peerOf(found.code), rule: found.rule };
    }
  }

  #read(foreign: Buffer[]): Map<number, PolicyContents> {
    const held = new Map<number, Map<number, number>>();
    for (const [key, value] of this.#map.entries()) {
      const entry = readEntry(key, value);
      if (entry === null) {
        foreign.push(key);
        continue;
      }
      const contents = held.get(entry.subject);
      if (contents === undefined) held.set(entry.subject, new Map([[entry.code, entry.value]]));
      else contents.set(entry.code, entry.value);
    }
    return held;
  }

  #write(entries: readonly Entry[], changes: Changes): void {
    if (entries.length === 0) return;
    const batch = newBatch(entries.length);
    for (const [i, { subject, code, value }] of entries.entries()) writeEntry(batch, i, subject, code, value);
    this.#map.setMany(batch.keys, batch.values, entries.length);
    changes.written += entries.length;
  }

  #delete(entries: readonly Entry[], changes: Changes): void {
    const keys = Buffer.alloc(entries.length * POLICY_KEY.size);
    for (const [i, { subject, code }] of entries.entries()) writeKey(keys, i, subject, code);
    this.#deleteKeys(keys, entries.length, changes);
  }

  #deleteKeys(keys: Buffer, count: number, changes: Changes): void {
    if (count === 0) return;
    this.#map.deleteMany(keys, count);
    changes.deleted += count;
  }
}
