/** What hubs are told about references, and what changed since they were told last. */
import type { Desired } from '../datapath/desired.ts';
import type { Dictionary } from '../wire/agent.ts';

export class DictionarySource {
  #current: Desired['dictionary'] = { endpoints: [], services: [], identities: [] };

  /** Takes the new state. @returns the difference to the former one, null if there is none. */
  update(next: Desired['dictionary']): Dictionary | null {
    const before = this.#current;
    this.#current = next;
    const endpoints = changed(before.endpoints, next.endpoints, (it) => it.ref);
    const services = changed(before.services, next.services, (it) => it.id);
    const identities = changed(before.identities, next.identities, (it) => it.identity);
    const difference: Dictionary = {
      snapshot: false,
      endpoints: endpoints.upserts,
      services: services.upserts,
      identities: identities.upserts,
      removed_endpoints: endpoints.removed,
      removed_services: services.removed,
    };
    const size =
      difference.endpoints.length +
      difference.services.length +
      difference.identities.length +
      difference.removed_endpoints.length +
      difference.removed_services.length;
    return size === 0 ? null : difference;
  }

  /** Everything, for a hub that has just connected. */
  snapshot(): Dictionary {
    return { snapshot: true, ...this.#current, removed_endpoints: [], removed_services: [] };
  }
}

function changed<T>(
  before: readonly T[],
  after: readonly T[],
  id: (it: T) => number,
): { upserts: T[]; removed: number[] } {
  const known = new Map(before.map((it) => [id(it), JSON.stringify(it)]));
  const upserts = after.filter((it) => known.get(id(it)) !== JSON.stringify(it));
  const left = new Set(after.map(id));
  return { upserts, removed: [...known.keys()].filter((it) => !left.has(it)) };
}
