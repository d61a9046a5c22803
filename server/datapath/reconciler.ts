/**
 * Brings the maps to the desired contents, by differences. Values are written before the generation that
 * makes cached decisions look at them, and backends are removed after the services that named them:
 * whatever a packet finds in between is a valid state.
 */
import { ENDPOINT } from '../kernel/layouts.gen.ts';
import { readStruct, writeStruct } from '../wire/struct.ts';
import type { Allocators, Desired } from './desired.ts';
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
import { type FrontendNames, type ServiceMaps, ServiceReconciler } from './service-reconciler.ts';

export interface DatapathMaps extends ServiceMaps {
  endpoints: MapWriter;
  interfaces: MapWriter;
  ipcache: MapWriter;
}

export class Reconciler {
  readonly #maps: DatapathMaps;
  /** The kernel's generations, indexed by subject. */
  readonly #generations: BigUint64Array;
  readonly #services: ServiceReconciler;

  constructor(maps: DatapathMaps, generations: BigUint64Array) {
    this.#maps = maps;
    this.#generations = generations;
    this.#services = new ServiceReconciler(maps, { next: (subject) => this.#next(subject) });
  }

  /** Numbers that pinned maps still use go to their former owners. */
  adopt(ids: Allocators, names: FrontendNames): void {
    this.#services.adopt(ids, names);
  }

  /** One pass against what the kernel holds now, so that it also repairs what something else changed. */
  apply(desired: Desired, { verify = false }: { verify?: boolean } = {}): Changes {
    const changes: Changes = { written: 0, deleted: 0 };
    const raise: (() => void)[] = [];
    this.#applyEndpoints(desired.endpoints, changes, raise);
    this.#applyPlain(this.#maps.interfaces, desired.interfaces, changes);
    this.#applyPlain(this.#maps.ipcache, desired.ipcache, changes);
    for (const subject of this.#services.apply(desired.services, verify, changes))
      raise.push(() => this.#raise(subject));
    for (const step of raise) step();
    return changes;
  }

  #applyPlain(map: MapWriter, desired: MapContents, changes: Changes): void {
    const current = contentsOf(map);
    const upserts = [...desired].filter(([hex, it]) => !current.get(hex)?.value.equals(it.value)).map(([, it]) => it);
    const removals = [...current].filter(([hex]) => !desired.has(hex)).map(([, it]) => it);
    write(map, upserts, changes);
    remove(map, removals, changes);
  }

  #applyEndpoints(desired: MapContents, changes: Changes, raise: (() => void)[]): void {
    const current = contentsOf(this.#maps.endpoints);
    // All addresses of an endpoint share its generation, so one changed address rewrites the others.
    const changed = new Set<number>();
    for (const [hex, { value }] of desired) {
      const now = current.get(hex)?.value;
      if (now === undefined || !sameBut(ENDPOINT.fields.generation, now, value))
        changed.add(readStruct(ENDPOINT, value).id);
    }
    const removals: Entry[] = [];
    for (const [hex, it] of current) {
      if (desired.has(hex)) continue;
      removals.push(it);
      changed.add(readStruct(ENDPOINT, it.value).id);
    }
    const upserts: Entry[] = [];
    for (const { key, value } of desired.values()) {
      const { id } = readStruct(ENDPOINT, value);
      if (!changed.has(id)) continue;
      const copy = Buffer.from(value);
      writeStruct(ENDPOINT, copy, 0, { generation: this.#next(id) });
      upserts.push({ key, value: copy });
    }
    write(this.#maps.endpoints, upserts, changes);
    remove(this.#maps.endpoints, removals, changes);
    for (const id of changed) raise.push(() => this.#raise(id));
  }

  #next(subject: number): number {
    return Number(this.#generations[subject] ?? 0n) + 1;
  }

  #raise(subject: number): void {
    Atomics.store(this.#generations, subject, BigInt(this.#next(subject)));
  }
}
