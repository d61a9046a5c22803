/**
 * Brings the maps to the desired contents, by differences. Values are written before the generation that
 * makes cached decisions look at them, and backends are removed after the services that named them:
 * whatever a packet finds in between is a valid state.
 */
import { type AddressMaps, AddressReconciler } from './address-reconciler.ts';
import type { Allocators, Desired } from './desired.ts';
import type { Changes, MapWriter } from './map-writer.ts';
import { PolicyReconciler } from './policy-reconciler.ts';
import { type FrontendNames, type ServiceMaps, ServiceReconciler } from './service-reconciler.ts';

export interface DatapathMaps extends AddressMaps, ServiceMaps {
  policy: MapWriter;
}

export class Reconciler {
  /** The kernel's generations, indexed by subject. */
  readonly #generations: BigUint64Array;
  readonly #addresses: AddressReconciler;
  readonly #policy: PolicyReconciler;
  readonly #services: ServiceReconciler;

  constructor(maps: DatapathMaps, generations: BigUint64Array) {
    this.#generations = generations;
    const next = (subject: number): number => this.#next(subject);
    this.#addresses = new AddressReconciler(maps, { next });
    this.#policy = new PolicyReconciler(maps.policy);
    this.#services = new ServiceReconciler(maps, { next });
  }

  /** How many entries the policy map holds, as far as is known. */
  get policyEntries(): number {
    return this.#policy.entries;
  }

  /**
   * Numbers that pinned maps still use go to their former owners; those whose owner nobody knows any more
   * are not given out again.
   */
  adopt(ids: Allocators, names: FrontendNames): void {
    for (const { subject, peer, rule } of this.#policy.numbers()) {
      for (const identity of [subject, peer]) reserveIdentity(ids, identity);
      ids.rules.reserve(rule);
    }
    for (const identity of this.#addresses.identities()) reserveIdentity(ids, identity);
    this.#services.adopt(ids, names);
  }

  /**
   * One pass. Writes what differs from the last pass; with `verify`, from what the kernel holds, so that it
   * also repairs what something else changed. A step that fails does not keep the others from theirs: none of
   * them opens what was closed. @throws what the first failed step threw, after all have been tried.
   */
  apply(desired: Desired, { verify = false }: { verify?: boolean } = {}): Changes {
    const changes: Changes = { written: 0, deleted: 0 };
    const raise = new Set<number>();
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
    attempt(() => {
      for (const subject of this.#services.apply(desired.services, verify, changes)) raise.add(subject);
    });
    for (const subject of raise) this.#raise(subject);
    // Pods that still are who they were keep what they were allowed.
    if (hasOthers && hasOwn) attempt(policy.deleteUnused);
    if (failures.length > 0) throw failures[0];
    return changes;
  }

  /** Generations are compared as u32. */
  #next(subject: number): number {
    return Number(BigInt.asUintN(32, (this.#generations[subject] ?? 0n) + 1n));
  }

  #raise(subject: number): void {
    Atomics.add(this.#generations, subject, 1n);
  }
}

function reserveIdentity(ids: Allocators, identity: number): void {
  ids.identities.reserve(identity);
  ids.cidrs.reserve(identity);
}
