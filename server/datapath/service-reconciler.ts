/**
 * Brings the maps of services to the desired contents, by differences: backends first, then tables, then the
 * services that use them; removals in the reverse order. A packet in between finds a valid state: tables
 * have a backend in every slot, also where they still have another size than the service says.
 */
import { BACKEND, MAGLEV_KEY, SERVICE, SERVICE_SUBJECT } from '../kernel/layouts.gen.ts';
import { packStruct, readStruct, uint32, writeStruct } from '../wire/struct.ts';
import type { Allocators } from './desired.ts';
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

  constructor(maps: ServiceMaps, generations: Generations) {
    this.#maps = maps;
    this.#generations = generations;
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

  /** One pass against what the kernel holds. @returns the subjects to raise once all maps are written. */
  apply(desired: ReadonlyMap<number, DesiredService>, changes: Changes): number[] {
    const services = new MapPlan(this.#maps.services);
    const maglev = new MapPlan(this.#maps.maglev);
    const backends = new MapPlan(this.#maps.backends);
    /** Pool -> service. */
    const owners = new Map<number, number>();
    const changed = new Set<number>();
    for (const [id, { frontends, pools }] of desired) {
      let differs = false;
      for (const pool of pools) {
        owners.set(pool.id, id);
        differs = planPool(pool, backends, maglev) || differs;
      }
      for (const { key, value } of frontends) {
        const now = services.keep(key);
        differs ||= now === undefined || !sameBut(SERVICE.fields.generation, now, value);
      }
      if (differs) changed.add(id);
    }
    const gone = { services: services.removals(), maglev: maglev.removals(), backends: backends.removals() };
    for (const { value } of gone.services) changed.add(readStruct(SERVICE, value).id);
    // A backend that goes concerns its service even if the table is the same: it may have been draining.
    for (const { value } of gone.backends) {
      const service = owners.get(readStruct(BACKEND, value).pool);
      if (service !== undefined) changed.add(service);
    }
    for (const id of changed) this.#writeFrontends(id, desired.get(id), services);
    write(this.#maps.backends, backends.writes, changes);
    write(this.#maps.maglev, maglev.writes, changes);
    write(this.#maps.services, services.writes, changes);
    remove(this.#maps.services, gone.services, changes);
    remove(this.#maps.maglev, gone.maglev, changes);
    remove(this.#maps.backends, gone.backends, changes);
    return Array.from(changed, (id) => SERVICE_SUBJECT + id);
  }

  /** All frontends of a service share its generation, so one that changed rewrites the others. */
  #writeFrontends(id: number, service: DesiredService | undefined, plan: MapPlan): void {
    const generation = this.#generations.next(SERVICE_SUBJECT + id);
    for (const { key, value } of service?.frontends ?? []) {
      const copy = Buffer.from(value);
      writeStruct(SERVICE, copy, 0, { generation });
      plan.writes.push({ key, value: copy });
    }
  }
}

/** @returns whether anything of the pool differs from what the kernel holds. */
function planPool(pool: Pool, backends: MapPlan, maglev: MapPlan): boolean {
  let differs = false;
  for (const { id, value } of pool.backends) differs = backends.put(uint32(id), value) || differs;
  for (const [chunk, value] of pool.table.chunks.entries()) {
    differs = maglev.put(packStruct(MAGLEV_KEY, { pool: pool.id, chunk }), value) || differs;
  }
  return differs;
}

/** What a pass will do to one map. */
class MapPlan {
  readonly writes: Entry[] = [];
  readonly #current: MapContents;
  readonly #kept = new Set<string>();

  constructor(map: MapWriter) {
    this.#current = contentsOf(map);
  }

  /** Notes that the entry stays. @returns the value it has now. */
  keep(key: Buffer): Buffer | undefined {
    const hex = key.toString('hex');
    this.#kept.add(hex);
    return this.#current.get(hex)?.value;
  }

  /** Notes that the entry stays, and queues it if it differs. @returns whether it does. */
  put(key: Buffer, value: Buffer): boolean {
    if (this.keep(key)?.equals(value) === true) return false;
    this.writes.push({ key, value });
    return true;
  }

  /** Entries that nobody asked for. */
  removals(): Entry[] {
    return [...this.#current].filter(([hex]) => !this.#kept.has(hex)).map(([, it]) => it);
  }
}
