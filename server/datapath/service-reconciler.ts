/**
 * Brings the maps of services to the desired contents, by differences: backends first, then tables, then the
 * services that use them; removals in the reverse order. A packet in between finds a valid state: tables
 * have a backend in every slot, also where they still have another size than the service says.
 */
import { BACKEND, MAGLEV_KEY, SERVICE, SERVICE_SUBJECT } from '../kernel/layouts.gen.ts';
import { packStruct, readStruct, uint32, writeStruct } from '../wire/struct.ts';
import type { Allocators } from './desired.ts';
import { MapMemory } from './map-memory.ts';
import { type Changes, type MapWriter, sameBut } from './map-writer.ts';
import { backendName, type Pool } from './service-pools.ts';
import type { DesiredService } from './services.ts';

export interface ServiceMaps {
  services: MapWriter;
  maglev: MapWriter;
  backends: MapWriter;
}

/** The generations of subjects: values are written with the next one before it is raised. */
export interface Generations {
  next(subject: number): number;
}

/** Names of what a service key in the maps belongs to, by its hex. */
export type FrontendNames = ReadonlyMap<string, { service: string; inside: string; outside: string | null }>;

export class ServiceReconciler {
  readonly #maps: ServiceMaps;
  readonly #generations: Generations;
  readonly #memory: Record<keyof ServiceMaps, MapMemory>;
  /** What the last pass brought the maps to; undefined before the first, and after one that failed. */
  #applied: ReadonlyMap<number, DesiredService> | undefined;

  constructor(maps: ServiceMaps, generations: Generations) {
    this.#maps = maps;
    this.#generations = generations;
    const { services, maglev, backends } = maps;
    this.#memory = {
      services: new MapMemory(services),
      maglev: new MapMemory(maglev),
      backends: new MapMemory(backends),
    };
  }

  /** Numbers that pinned maps still use go to their former owners. */
  adopt(ids: Allocators, names: FrontendNames): void {
    for (const [key, value] of this.#maps.services.entries()) {
      const known = names.get(key.toString('hex'));
      if (known === undefined) continue;
      const service = readStruct(SERVICE, value);
      ids.services.adopt(known.service, service.id);
      ids.pools.adopt(known.inside, service.inside_pool);
      if (known.outside !== null) ids.pools.adopt(known.outside, service.outside_pool);
    }
    for (const [key, value] of this.#maps.backends.entries()) {
      ids.backends.adopt(backendName(value), key.readUInt32LE(0));
    }
  }

  /**
   * One pass. Looks at the services that changed since the last one; with `verify`, or after a pass that
   * failed, at all of them and at what the kernel holds. @returns the subjects to raise once all maps are written.
   */
  apply(desired: ReadonlyMap<number, DesiredService>, verify: boolean, changes: Changes): number[] {
    const before = verify ? undefined : this.#applied;
    // Until this pass is through, nobody knows what the maps hold.
    this.#applied = undefined;
    const { services, maglev, backends } = this.#memory;
    for (const memory of [services, maglev, backends]) memory.begin(before === undefined);
    const touched = [...desired].filter(([id, it]) => before?.get(id) !== it);
    for (const [id, former] of before ?? []) if (desired.get(id) !== former) this.#giveUp(former);
    /** Pool -> service. */
    const owners = new Map<number, number>();
    const changed = new Set<number>();
    for (const [id, { frontends, pools }] of touched) {
      let differs = false;
      for (const pool of pools) {
        owners.set(pool.id, id);
        differs = this.#planPool(pool) || differs;
      }
      const generation = (this.#generations.next(SERVICE_SUBJECT + id) - 1) >>> 0;
      for (const { key, value } of frontends) {
        const now = services.keep(key);
        differs ||= now === undefined || !sameBut(SERVICE.fields.generation, now, value);
        // Written by a pass that did not get as far as raising it.
        differs ||= now?.readUInt32LE(SERVICE.fields.generation.offset) !== generation;
      }
      if (differs) changed.add(id);
    }
    for (const { value } of services.removals()) changed.add(readStruct(SERVICE, value).id);
    // A backend that goes concerns its service even if the table is the same: it may have been draining.
    for (const { value } of backends.removals()) {
      const service = owners.get(readStruct(BACKEND, value).pool);
      if (service !== undefined) changed.add(service);
    }
    for (const id of changed) this.#planFrontends(id, desired.get(id));
    for (const memory of [backends, maglev, services]) memory.write(changes);
    for (const memory of [services, maglev, backends]) memory.remove(changes);
    this.#applied = desired;
    return Array.from(changed, (id) => SERVICE_SUBJECT + id);
  }

  /** Entries of a service that has changed or is gone: those that nobody keeps in this pass are removed. */
  #giveUp({ frontends, pools }: DesiredService): void {
    const { services, maglev, backends } = this.#memory;
    for (const { key } of frontends) services.giveUp(key);
    for (const pool of pools) {
      for (const { id } of pool.backends) backends.giveUp(uint32(id));
      for (const chunk of pool.table.chunks.keys()) maglev.giveUp(chunkKey(pool, chunk));
    }
  }

  /** @returns whether anything of the pool differs from what the maps hold. */
  #planPool(pool: Pool): boolean {
    const { maglev, backends } = this.#memory;
    let differs = false;
    for (const { id, value } of pool.backends) differs = backends.put(uint32(id), value) || differs;
    for (const [chunk, value] of pool.table.chunks.entries()) {
      differs = maglev.put(chunkKey(pool, chunk), value) || differs;
    }
    return differs;
  }

  /** All frontends of a service share its generation, so one that changed rewrites the others. */
  #planFrontends(id: number, service: DesiredService | undefined): void {
    const generation = this.#generations.next(SERVICE_SUBJECT + id);
    for (const { key, value } of service?.frontends ?? []) {
      const copy = Buffer.from(value);
      writeStruct(SERVICE, copy, 0, { generation });
      this.#memory.services.queue(key, copy);
    }
  }
}

const chunkKey = (pool: Pool, chunk: number): Buffer => packStruct(MAGLEV_KEY, { pool: pool.id, chunk });
