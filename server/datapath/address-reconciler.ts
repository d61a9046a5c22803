/**
 * Brings `endpoints`, `interfaces` and `ipcache` to the desired contents, by differences, and says which
 * subjects' cached decisions are to be made anew.
 */
import {
  ADDRESS_HASH,
  ADDRESS_HASH_SHIFT,
  ADDRESS_SUBJECT,
  ENDPOINT,
  IPCACHE_KEY,
  IPCACHE_VALUE,
  SUBJECTS,
} from '../kernel/layouts.gen.ts';
import { readStruct, writeStruct } from '../wire/struct.ts';
import type { Desired } from './desired.ts';
import {
  type Changes,
  contentsOf,
  type Entry,
  type MapContents,
  type MapWriter,
  remove,
  sameBut,
  write,
} from './map-writer.ts';

export interface AddressMaps {
  endpoints: MapWriter;
  interfaces: MapWriter;
  ipcache: MapWriter;
}

/** The generation that values are written with before it is raised, and the one in force. */
export interface Generations {
  next(subject: number): number;
}

export class AddressReconciler {
  readonly #maps: AddressMaps;
  readonly #generations: Generations;
  /** What the kernel's ipcache holds; null if that has to be read. */
  #held: MapContents | null = null;

  constructor(maps: AddressMaps, generations: Generations) {
    this.#maps = maps;
    this.#generations = generations;
  }

  /** Every identity that the maps name, cidr identities among them. */
  *identities(): Generator<number> {
    for (const [, value] of this.#maps.endpoints.entries()) {
      const { identity, cidr } = readStruct(ENDPOINT, value);
      yield* [identity, cidr];
    }
    for (const [, value] of this.#maps.ipcache.entries()) {
      const { identity, cidr } = readStruct(IPCACHE_VALUE, value);
      yield* [identity, cidr];
    }
  }

  /**
   * Pods of this node. `policies`: identities whose policy has changed. The subjects to raise are added to
   * `raise` before anything is written, because a pass that fails halfway must raise them, too.
   */
  applyEndpoints(desired: Desired, policies: ReadonlySet<number>, changes: Changes, raise: Set<number>): void {
    const current = contentsOf(this.#maps.endpoints);
    // All addresses of an endpoint share its generation, so one changed address rewrites the others.
    const changed = new Set<number>();
    for (const [hex, { key, value }] of desired.endpoints) {
      const now = current.get(hex)?.value;
      const { id, identity } = readStruct(ENDPOINT, value);
      if (now === undefined) raise.add(addressSubject(key, 0));
      if (now === undefined || policies.has(identity) || !this.#isCurrent(now, value, id)) changed.add(id);
    }
    const removals: Entry[] = [];
    for (const [hex, it] of current) {
      if (desired.endpoints.has(hex)) continue;
      removals.push(it);
      changed.add(readStruct(ENDPOINT, it.value).id);
      raise.add(addressSubject(it.key, 0));
    }
    for (const id of changed) raise.add(id);
    const upserts: Entry[] = [];
    for (const { key, value } of desired.endpoints.values()) {
      const { id } = readStruct(ENDPOINT, value);
      if (!changed.has(id)) continue;
      const copy = Buffer.from(value);
      writeStruct(ENDPOINT, copy, 0, { generation: this.#generations.next(id) });
      upserts.push({ key, value: copy });
    }
    write(this.#maps.endpoints, upserts, changes);
    remove(this.#maps.endpoints, removals, changes);
  }

  applyInterfaces(desired: Desired, changes: Changes): void {
    const { upserts, removals } = difference(contentsOf(this.#maps.interfaces), desired.interfaces);
    write(this.#maps.interfaces, upserts, changes);
    remove(this.#maps.interfaces, removals, changes);
  }

  /** Everybody else. With `verify`, against what the kernel holds and not what was written last. */
  applyIpcache(desired: Desired, verify: boolean, changes: Changes, raise: Set<number>): void {
    const held = verify || this.#held === null ? contentsOf(this.#maps.ipcache) : this.#held;
    this.#held = null;
    const { upserts, removals } = difference(held, desired.ipcache);
    for (const { key } of [...upserts, ...removals]) {
      if (key.readUInt32LE(IPCACHE_KEY.fields.prefix_length.offset) === 128) {
        raise.add(addressSubject(key, IPCACHE_KEY.fields.address.offset));
      } else {
        for (let subject = ADDRESS_SUBJECT; subject < SUBJECTS; subject++) raise.add(subject);
      }
    }
    write(this.#maps.ipcache, upserts, changes);
    remove(this.#maps.ipcache, removals, changes);
    this.#held = desired.ipcache;
  }

  /** A value of another generation than the one in force comes from a pass that failed. */
  #isCurrent(now: Buffer, value: Buffer, id: number): boolean {
    const { generation } = ENDPOINT.fields;
    const isRaised = (now.readUInt32LE(generation.offset) + 1) >>> 0 === this.#generations.next(id);
    return isRaised && sameBut(generation, now, value);
  }
}

/** The subject that generations of an address are counted under, as maps.h defines it. */
export function addressSubject(bytes: Buffer, offset: number): number {
  const word = (i: number): number => bytes.readUInt32LE(offset + 4 * i);
  const product = Math.imul(word(0) ^ word(1) ^ word(2) ^ word(3), ADDRESS_HASH) >>> 0;
  return ADDRESS_SUBJECT + (product >>> ADDRESS_HASH_SHIFT);
}

function difference(current: MapContents, desired: MapContents): { upserts: Entry[]; removals: Entry[] } {
  const upserts: Entry[] = [];
  const removals: Entry[] = [];
  for (const [hex, it] of desired) {
    const now = current.get(hex)?.value;
    if (now === undefined || (now !== it.value && !now.equals(it.value))) upserts.push(it);
  }
  for (const [hex, it] of current) if (!desired.has(hex)) removals.push(it);
  return { upserts, removals };
}
