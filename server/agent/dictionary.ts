/** What hubs are told about references, and what changed since they were told last. */
import type { Desired } from '../datapath/desired.ts';
import type { Dictionary } from '../wire/agent.ts';

const NOTHING: Dictionary = {
  snapshot: false,
  endpoints: [],
  services: [],
  identities: [],
  rules: [],
  policies: [],
  policy_problems: null,
  removed_endpoints: [],
  removed_services: [],
  removed_identities: [],
  removed_rules: [],
  removed_policies: [],
};

/** Roughly the largest message a dictionary is sent in, bytes; hubs refuse those above MAX_AGENT_MESSAGE. */
const PART_BYTES = 1024 * 1024;

/** The same change in messages that hubs accept, to be sent in order. */
export function dictionaryParts(whole: Dictionary): Dictionary[] {
  const { endpoints, services, identities, rules, policies, ...rest } = whole;
  const parts: Dictionary[] = [{ ...NOTHING, ...rest }];
  let room = PART_BYTES;
  for (const [kind, entries] of Object.entries({ endpoints, services, identities, rules, policies })) {
    let list: unknown[] = [];
    for (const [i, entry] of entries.entries()) {
      const size = JSON.stringify(entry).length;
      if (i === 0 || size > room) {
        list = [];
        if (size > room) {
          parts.push({ ...NOTHING });
          room = PART_BYTES;
        }
        Object.assign(parts.at(-1) ?? {}, { [kind]: list });
      }
      list.push(entry);
      room -= size;
    }
  }
  return parts;
}

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
      ...NOTHING,
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
    return { ...NOTHING, ...this.#current, snapshot: true };
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
