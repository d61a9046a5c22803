/**
 * Brings the maps to the desired contents, by differences. Values are written before the generation that
 * makes cached decisions look at them, and backends are removed after the services that named them:
 * whatever a packet finds in between is a valid state.
 */
import { BACKEND, ENDPOINT, SERVICE, SERVICE_SLOT_KEY, SERVICE_SUBJECT } from '../kernel/layouts.gen.ts';
import { packStruct, readStruct, uint32, writeStruct } from '../wire/struct.ts';
import type { Allocators, Desired, MapContents } from './desired.ts';
import type { Frontend } from './services.ts';

/** What the reconciler needs of a map; keys and values stand back to back. */
export interface MapWriter {
  setMany(keys: Buffer, values: Buffer, count: number): void;
  deleteMany(keys: Buffer, count: number): void;
  entries(): Iterable<[key: Buffer, value: Buffer]>;
}

export interface DatapathMaps {
  endpoints: MapWriter;
  interfaces: MapWriter;
  ipcache: MapWriter;
  services: MapWriter;
  service_slots: MapWriter;
  backends: MapWriter;
}

/** How many entries a pass wrote and removed. */
export interface Changes {
  written: number;
  deleted: number;
}

interface Entry {
  key: Buffer;
  value: Buffer;
}

export class Reconciler {
  readonly #maps: DatapathMaps;
  /** The kernel's generations, indexed by subject. */
  readonly #generations: BigUint64Array;

  constructor(maps: DatapathMaps, generations: BigUint64Array) {
    this.#maps = maps;
    this.#generations = generations;
  }

  /** Numbers that pinned maps still use go to their former owners. `serviceOf`: Service key by address. */
  adopt(ids: Allocators, serviceOf: (serviceKey: Buffer) => string | undefined): void {
    for (const [key, value] of this.#maps.services.entries()) {
      const service = readStruct(SERVICE, value);
      ids.frontends.adopt(key.toString('hex'), service.frontend);
      const name = serviceOf(key);
      if (name !== undefined) ids.services.adopt(name, service.id);
    }
    for (const [key, value] of this.#maps.backends.entries()) {
      ids.backends.adopt(value.toString('hex'), key.readUInt32LE(0));
    }
  }

  /** One pass against what the kernel holds now, so that it also repairs what something else changed. */
  apply(desired: Desired): Changes {
    const changes: Changes = { written: 0, deleted: 0 };
    const raise: (() => void)[] = [];
    this.#applyEndpoints(desired.endpoints, changes, raise);
    this.#applyPlain(this.#maps.interfaces, desired.interfaces, changes);
    this.#applyPlain(this.#maps.ipcache, desired.ipcache, changes);
    this.#applyServices(desired.services, changes, raise);
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
      if (now === undefined || !sameBut(ENDPOINT, now, value)) changed.add(readStruct(ENDPOINT, value).id);
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

  #applyServices(desired: ReadonlyMap<number, Frontend[]>, changes: Changes, raise: (() => void)[]): void {
    const services = contentsOf(this.#maps.services);
    const slots = contentsOf(this.#maps.service_slots);
    const backends = contentsOf(this.#maps.backends);
    const write3 = { services: [] as Entry[], slots: [] as Entry[], backends: [] as Entry[] };
    const keep = { services: new Set<string>(), slots: new Set<string>(), backends: new Set<string>() };
    const changed = new Set<number>();
    /** Frontend id -> service id. */
    const owner = new Map<number, number>();

    for (const [id, frontends] of desired) {
      let differs = false;
      for (const frontend of frontends) {
        owner.set(frontend.id, id);
        for (const [slot, backend] of frontend.backends.entries()) {
          const slotKey = packStruct(SERVICE_SLOT_KEY, { frontend: frontend.id, slot });
          differs = plan(slots, slotKey, uint32(backend.id), keep.slots, write3.slots) || differs;
          differs = plan(backends, uint32(backend.id), backend.value, keep.backends, write3.backends) || differs;
        }
        const now = services.get(frontend.key.toString('hex'))?.value;
        keep.services.add(frontend.key.toString('hex'));
        differs ||= now === undefined || !sameBut(SERVICE, now, serviceValue(frontend, 0));
      }
      if (differs) changed.add(id);
    }
    const removals = {
      services: [...services].filter(([hex]) => !keep.services.has(hex)).map(([, it]) => it),
      slots: [...slots].filter(([hex]) => !keep.slots.has(hex)).map(([, it]) => it),
      backends: [...backends].filter(([hex]) => !keep.backends.has(hex)).map(([, it]) => it),
    };
    for (const { value } of removals.services) changed.add(readStruct(SERVICE, value).id);
    // A backend that goes concerns its service even if its slot went to another one.
    for (const { value } of removals.backends) {
      const service = owner.get(readStruct(BACKEND, value).frontend);
      if (service !== undefined) changed.add(service);
    }
    for (const id of changed) {
      const generation = this.#next(SERVICE_SUBJECT + id);
      for (const frontend of desired.get(id) ?? []) {
        write3.services.push({ key: frontend.key, value: serviceValue(frontend, generation) });
      }
      raise.push(() => this.#raise(SERVICE_SUBJECT + id));
    }
    write(this.#maps.backends, write3.backends, changes);
    write(this.#maps.service_slots, write3.slots, changes);
    write(this.#maps.services, write3.services, changes);
    remove(this.#maps.services, removals.services, changes);
    remove(this.#maps.service_slots, removals.slots, changes);
    remove(this.#maps.backends, removals.backends, changes);
  }

  #next(subject: number): number {
    return Number(this.#generations[subject] ?? 0n) + 1;
  }

  #raise(subject: number): void {
    Atomics.store(this.#generations, subject, BigInt(this.#next(subject)));
  }
}

function serviceValue(frontend: Frontend, generation: number): Buffer {
  return packStruct(SERVICE, {
    id: frontend.service,
    frontend: frontend.id,
    backend_count: frontend.backends.length,
    generation,
  });
}

/** Notes that the entry stays, and queues it if it differs. @returns whether it does. */
function plan(current: MapContents, key: Buffer, value: Buffer, keep: Set<string>, writes: Entry[]): boolean {
  const hex = key.toString('hex');
  keep.add(hex);
  if (current.get(hex)?.value.equals(value)) return false;
  writes.push({ key, value });
  return true;
}

/** Whether two values are equal apart from their generation. */
function sameBut(layout: typeof ENDPOINT | typeof SERVICE, a: Buffer, b: Buffer): boolean {
  const { offset, size } = layout.fields.generation;
  return (
    a.subarray(0, offset).equals(b.subarray(0, offset)) && a.subarray(offset + size).equals(b.subarray(offset + size))
  );
}

function contentsOf(map: MapWriter): MapContents {
  const contents: MapContents = new Map();
  for (const [key, value] of map.entries()) contents.set(key.toString('hex'), { key, value });
  return contents;
}

function write(map: MapWriter, entries: readonly Entry[], changes: Changes): void {
  if (entries.length === 0) return;
  map.setMany(Buffer.concat(entries.map((it) => it.key)), Buffer.concat(entries.map((it) => it.value)), entries.length);
  changes.written += entries.length;
}

function remove(map: MapWriter, entries: readonly Entry[], changes: Changes): void {
  if (entries.length === 0) return;
  map.deleteMany(Buffer.concat(entries.map((it) => it.key)), entries.length);
  changes.deleted += entries.length;
}
