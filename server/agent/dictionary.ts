/** What hubs are told about references, and what changed since they were told last. */
import type { Desired } from '../datapath/desired.ts';
import { NO_CHANGE } from '../flows/dictionary-parts.ts';
import type { Dictionary } from '../wire/agent.ts';

export class DictionarySource {
  #current: Desired['dictionary'] = {
    endpoints: [],
    services: [],
    identities: [],
    rules: [],
    policies: [],
    policy_problems: [],
  };

  /** Takes the new state. @returns the difference to the former one, null if there is none. */
  update(next: Desired['dictionary']): Dictionary | null {
    const before = this.#current;
    this.#current = next;
    const endpoints = changed(before.endpoints, next.endpoints, (it) => it.ref);
    const services = changed(before.services, next.services, (it) => it.id);
    const identities = changed(before.identities, next.identities, (it) => it.identity);
    const rules = changed(before.rules, next.rules, (it) => it.ref);
    const policies = changed(before.policies, next.policies, (it) => `${it.namespace}/${it.name}`);
    const hasProblems = JSON.stringify(before.policy_problems) !== JSON.stringify(next.policy_problems);
    const difference: Dictionary = {
      ...NO_CHANGE,
      endpoints: endpoints.upserts,
      services: services.upserts,
      identities: identities.upserts,
      rules: rules.upserts,
      policies: policies.upserts,
      policy_problems: hasProblems ? next.policy_problems : null,
      removed_endpoints: endpoints.removed.map((it) => it.ref),
      removed_services: services.removed.map((it) => it.id),
      removed_identities: identities.removed.map((it) => it.identity),
      removed_rules: rules.removed.map((it) => it.ref),
      removed_policies: policies.removed.map(({ namespace, name }) => ({ namespace, name })),
    };
    const isSame = Object.values(difference).every((it) => !Array.isArray(it) || it.length === 0);
    return isSame && !hasProblems ? null : difference;
  }

  /** Everything, for a hub that has just connected. */
  snapshot(): Dictionary {
    return { ...NO_CHANGE, ...this.#current, snapshot: true };
  }
}

function changed<T, K>(before: readonly T[], after: readonly T[], id: (it: T) => K): { upserts: T[]; removed: T[] } {
  const known = new Map(before.map((it) => [id(it), it]));
  const left = new Set(after.map(id));
  // Most entries are the very objects of the last time.
  const upserts = after.filter((it) => {
    const former = known.get(id(it));
    return former !== it && JSON.stringify(former) !== JSON.stringify(it);
  });
  return { upserts, removed: before.filter((it) => !left.has(id(it))) };
}
