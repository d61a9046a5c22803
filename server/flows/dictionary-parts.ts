/** Dictionaries in messages that hubs accept. */
import type { Dictionary } from '../wire/agent.ts';

/** A change of nothing, to be filled in. */
export const NO_CHANGE: Dictionary = {
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
  const parts: Dictionary[] = [{ ...NO_CHANGE, ...rest }];
  let room = PART_BYTES;
  for (const [kind, entries] of Object.entries({ endpoints, services, identities, rules, policies })) {
    let list: unknown[] = [];
    for (const [i, entry] of entries.entries()) {
      const size = JSON.stringify(entry).length;
      if (i === 0 || size > room) {
        list = [];
        if (size > room) {
          parts.push({ ...NO_CHANGE });
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
