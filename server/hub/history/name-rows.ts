/** Rows of the tables `sessions` and `names`: what the numbers in records mean, written before the records. */
import { isDeepStrictEqual } from 'node:util';
import type { Dictionary } from '../../wire/agent.ts';
import type { AgentDictionary, NumberedKind } from '../../flows/dictionary.ts';
import type { RowWriter } from './row-binary.ts';
import type { WrittenSession } from './written-session.ts';

type Kind = NumberedKind | 'policy' | 'dns';

/** `seen`: Unix ms. */
export function sessionRow(to: RowWriter, { session: { hello, names }, begun }: WrittenSession, seen: number): void {
  to.u64(names.session).string(hello.session).string(hello.node).string(hello.boot_id).string(hello.counters_id);
  to.string(hello.version).string(hello.mode).string(JSON.stringify(hello.layout)).i64(BigInt(begun)).i64(BigInt(seen));
}

/** Writes names of one session. */
export class NameRows {
  readonly #to: () => RowWriter;
  readonly #names: AgentDictionary;
  readonly #since: bigint;

  /** `to` says where the next row goes; `since`: Unix ms. */
  constructor(to: () => RowWriter, names: AgentDictionary, since: number) {
    this.#to = to;
    this.#names = names;
    this.#since = BigInt(since);
  }

  /** All there are, those too that only stored records name. */
  all(): void {
    const { endpoints, services, identities, rules, policies, dns } = this.#names;
    for (const [ref, entry] of endpoints) this.#row('endpoint', ref, entry);
    for (const [id, entry] of services) this.#row('service', id, entry);
    for (const [identity, labels] of identities) this.#row('identity', identity, { identity, labels });
    for (const [ref, entry] of rules) this.#row('rule', ref, entry);
    for (const [name, entry] of policies) this.#row('policy', name, entry);
    this.dns(dns.addresses());
  }

  /** What a change that is not applied yet will change. */
  change(change: Dictionary): void {
    const { endpoints, services, identities, rules } = this.#names;
    const { snapshot } = change;
    this.#numbered('endpoint', change.endpoints, 'ref', snapshot ? endpoints.keys() : change.removed_endpoints);
    this.#numbered('service', change.services, 'id', snapshot ? services.keys() : change.removed_services);
    this.#numbered('identity', change.identities, 'identity', snapshot ? identities.keys() : change.removed_identities);
    this.#numbered('rule', change.rules, 'ref', snapshot ? rules.keys() : change.removed_rules);
    this.#policies(change);
  }

  /** Addresses whose names are others than before. */
  dns(addresses: Iterable<string>): void {
    for (const address of addresses) this.#row('dns', address, this.#names.dns.of(address));
  }

  /** `gone` are the keys that are removed if there is no entry for them. */
  #numbered<Key extends string, Entry extends Readonly<Record<Key, number>>>(
    kind: NumberedKind,
    entries: readonly Entry[],
    key: Key,
    gone: Iterable<number>,
  ): void {
    const named = new Set<number>();
    for (const entry of entries) {
      named.add(entry[key]);
      if (!this.#isKnown(kind, entry[key], entry)) this.#row(kind, entry[key], entry);
    }
    for (const it of gone) if (!named.has(it) && this.#names.isCurrent(kind, it)) this.#row(kind, it, null);
  }

  #isKnown(kind: NumberedKind, key: number, entry: object): boolean {
    if (!this.#names.isCurrent(kind, key)) return false;
    const { endpoints, services, identities, rules } = this.#names;
    switch (kind) {
      case 'endpoint':
        return isDeepStrictEqual(endpoints.get(key), entry);
      case 'service':
        return isDeepStrictEqual(services.get(key), entry);
      case 'identity':
        return isDeepStrictEqual({ identity: key, labels: identities.get(key) }, entry);
      case 'rule':
        return isDeepStrictEqual(rules.get(key), entry);
    }
  }

  #policies({ snapshot, policies, removed_policies }: Dictionary): void {
    const known = this.#names.policies;
    const now = new Map(policies.map((entry) => [`${entry.namespace}/${entry.name}`, entry]));
    const removed = removed_policies.map(({ namespace, name }) => `${namespace}/${name}`);
    for (const key of snapshot ? known.keys() : removed)
      if (known.has(key) && !now.has(key)) this.#row('policy', key, null);
    for (const [key, entry] of now) if (!isDeepStrictEqual(known.get(key), entry)) this.#row('policy', key, entry);
  }

  #row(kind: Kind, key: number | string, entry: object | null): void {
    const text = entry === null ? '' : JSON.stringify(entry);
    this.#to().u64(this.#names.session).string(kind).string(String(key)).i64(this.#since).string(text);
  }
}
