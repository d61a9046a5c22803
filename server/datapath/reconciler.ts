/**
 * Brings the maps to the desired contents, by differences. Values are written before the generation that
 * makes cached decisions look at them, and backends are removed after the services that named them:
 * whatever a packet finds in between is a valid state.
 */
import { BACKEND, SERVICE, SERVICE_SLOT_KEY, SERVICE_SUBJECT } from '../kernel/layouts.gen.ts';
import { packStruct, readStruct, uint32 } from '../wire/struct.ts';
import { type AddressMaps, AddressReconciler } from './address-reconciler.ts';
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
import { PolicyReconciler } from './policy-reconciler.ts';
import type { Frontend } from './services.ts';

export interface DatapathMaps extends AddressMaps {
  policy: MapWriter;
  services: MapWriter;
  service_slots: MapWriter;
  backends: MapWriter;
}

export class Reconciler {
  readonly #maps: DatapathMaps;
  /** The kernel's generations, indexed by subject. */
  readonly #generations: BigUint64Array;
  readonly #addresses: AddressReconciler;
  readonly #policy: PolicyReconciler;

  constructor(maps: DatapathMaps, generations: BigUint64Array) {
    this.#maps = maps;
    this.#generations = generations;
    this.#addresses = new AddressReconciler(maps, { next: (subject) => this.#next(subject) });
    this.#policy = new PolicyReconciler(maps.policy);
  }

  /** How many entries the policy map holds, as far as is known. */
  get policyEntries(): number {
    return this.#policy.entries;
  }

  /**
   * Numbers that pinned maps still use go to their former owners; those whose owner nobody knows any more
   * are not given out again. `serviceOf`: Service key by address.
   */
  adopt(ids: Allocators, serviceOf: (serviceKey: Buffer) => string | undefined): void {
    for (const { subject, peer, rule } of this.#policy.numbers()) {
      for (const identity of [subject, peer]) reserveIdentity(ids, identity);
      ids.rules.reserve(rule);
    }
    for (const identity of this.#addresses.identities()) reserveIdentity(ids, identity);
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

  /**
   * One pass. Writes what differs from the last pass; with `verify`, from what the kernel holds, so that it
   * also repairs what something else changed. A step that fails does not keep the others from theirs: none of
   * them opens what was closed. @throws what the first failed step threw, after all have been tried.
   */
  apply(desired: Desired, { verify = false }: { verify?: boolean } = {}): Changes {
    const changes: Changes = { written: 0, deleted: 0 };
    const raise = new Set<number>();
    const raiseServices: (() => void)[] = [];
    const failures: unknown[] = [];
    const attempt = (step: () => void): boolean => {
      try {
        step();
        return true;
      } catch (error) {
        failures.push(error);
        return false;
      }
    };
    const policy = this.#policy.plan(desired.policy, desired.peers, verify, changes);
    attempt(policy.write);
    attempt(policy.deleteStale);
    // First the others, then the pods of this node: a packet's sender may be told by its interface.
    const hasOthers = attempt(() => this.#addresses.applyIpcache(desired, verify, changes, raise));
    const hasOwn = attempt(() => this.#addresses.applyEndpoints(desired, policy.changed, changes, raise));
    attempt(() => this.#addresses.applyInterfaces(desired, changes));
    attempt(() => this.#applyServices(desired.services, changes, raiseServices));
    for (const subject of raise) this.#raise(subject);
    for (const step of raiseServices) step();
    // Pods that still are who they were keep what they were allowed.
    if (hasOthers && hasOwn) attempt(policy.deleteUnused);
    if (failures.length > 0) throw failures[0];
    return changes;
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
        differs ||= now === undefined || !sameBut(SERVICE.fields.generation, now, serviceValue(frontend, 0));
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

  /** Generations are compared as u32. */
  #next(subject: number): number {
    return Number(BigInt.asUintN(32, (this.#generations[subject] ?? 0n) + 1n));
  }

  #raise(subject: number): void {
    Atomics.add(this.#generations, subject, 1n);
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

function reserveIdentity(ids: Allocators, identity: number): void {
  ids.identities.reserve(identity);
  ids.cidrs.reserve(identity);
}
