/** The names of one agent as a reader of some namespaces may know them, and whose an end of a flow is. */
import type { EndpointEntry, PolicyEntry, PolicyProblemEntry, RuleEntry, ServiceEntry } from '../../wire/agent.ts';
import { formatAddress, parseAddress } from '../../wire/address.ts';
import type { Names } from '../../flows/dictionary.ts';
import { DnsNames } from '../../flows/dns-names.ts';

/** `none`: an end of no namespace, such as a node or an address of the world. */
export type Standing = 'visible' | 'hidden' | 'none';

export type MaySee = (namespace: string) => boolean;

/** Identities below are reserved: they say host or world, and name no workload. */
const FIRST_WORKLOAD_IDENTITY = 256;
const NAMESPACE_LABEL = 'k8s:io.kubernetes.pod.namespace=';

export class VisibleNames implements Names {
  readonly node: string;
  readonly session: bigint;
  readonly revision: number;
  readonly endpoints = new Map<number, EndpointEntry>();
  readonly services = new Map<number, ServiceEntry>();
  readonly identities = new Map<number, readonly string[]>();
  readonly rules = new Map<number, RuleEntry>();
  readonly policies = new Map<string, PolicyEntry>();
  readonly policyProblems: readonly PolicyProblemEntry[];
  /** None: nothing says whose question it was that an answer named an address in. */
  readonly dns = new DnsNames();
  readonly #all: Names;
  readonly #maySee: MaySee;
  /** Addresses of pods and services. One that both have, after it was given out anew, is hidden. */
  readonly #addresses = new Map<string, Standing>();

  constructor(all: Names, maySee: MaySee) {
    this.#all = all;
    this.#maySee = maySee;
    this.node = all.node;
    this.session = all.session;
    this.revision = all.revision;
    for (const [ref, entry] of all.endpoints) this.#keep(this.endpoints, ref, entry);
    for (const [id, entry] of all.services) this.#keep(this.services, id, entry);
    for (const [identity, labels] of all.identities) {
      if (this.#ofLabels(labels) !== 'hidden') this.identities.set(identity, labels);
    }
    for (const [ref, rule] of all.rules) {
      const kept = visibleRule(rule, maySee);
      if (kept !== null) this.rules.set(ref, kept);
    }
    for (const [key, policy] of all.policies) if (maySee(policy.namespace)) this.policies.set(key, policy);
    this.policyProblems = all.policyProblems.filter(({ namespace }) => namespace !== '' && maySee(namespace));
  }

  isLive(endpoint: number): boolean {
    return this.endpoints.has(endpoint) && this.#all.isLive(endpoint);
  }

  /** Of an endpoint; one without a name is hidden, because nothing says whose it is. */
  ofEndpoint(ref: number): Standing {
    const entry = this.#all.endpoints.get(ref);
    return entry === undefined ? 'hidden' : this.#ofNamespace(entry.namespace);
  }

  ofService(id: number): Standing {
    const entry = this.#all.services.get(id);
    return entry === undefined ? 'hidden' : this.#ofNamespace(entry.namespace);
  }

  /** Of an end that is no endpoint: a dropped packet may name a pod by its address or identity alone. */
  ofAddress(address: string, identity: number): Standing {
    const known = this.#addresses.get(address);
    if (known !== undefined) return known;
    if (identity < FIRST_WORKLOAD_IDENTITY) return 'none';
    return this.#ofLabels(this.#all.identities.get(identity));
  }

  #keep<Entry extends { namespace: string; addresses: string[] }>(
    to: Map<number, Entry>,
    key: number,
    entry: Entry,
  ): void {
    const standing = this.#ofNamespace(entry.namespace);
    if (standing !== 'hidden') to.set(key, entry);
    if (standing === 'none') return;
    for (const written of entry.addresses) {
      const address = asInRecords(written);
      if (this.#addresses.get(address) !== 'hidden') this.#addresses.set(address, standing);
    }
  }

  #ofNamespace(namespace: string): Standing {
    if (namespace === '') return 'none';
    return this.#maySee(namespace) ? 'visible' : 'hidden';
  }

  #ofLabels(labels: readonly string[] | undefined): Standing {
    if (labels === undefined) return 'hidden';
    const label = labels.find((it) => it.startsWith(NAMESPACE_LABEL));
    return label === undefined ? 'none' : this.#ofNamespace(label.slice(NAMESPACE_LABEL.length));
  }
}

/** An address as records give it: IPv6 may be written in many ways. */
function asInRecords(address: string): string {
  const bytes = address.includes(':') ? parseAddress(address) : null;
  return bytes === null ? address : formatAddress(new DataView(bytes.buffer, bytes.byteOffset), 0);
}

/** Of a default, only the policies that may be seen; there is no harm in knowing that there is one. */
function visibleRule(rule: RuleEntry, maySee: MaySee): RuleEntry | null {
  if ('default' in rule) return { ...rule, policies: rule.policies.filter(({ namespace }) => maySee(namespace)) };
  return maySee(rule.namespace) ? rule : null;
}
