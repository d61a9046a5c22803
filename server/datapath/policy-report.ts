/** What hubs are told about policies: their rules by number, whom they select, and what is odd about them. */
import type { PolicyEntry, RuleEntry } from '../wire/agent.ts';
import { parseBlock } from '../cluster/address-block.ts';
import type { IdAllocator } from './id-allocator.ts';
import type { Workload } from './identity.ts';
import type { PolicyDirection } from './policy-entry.ts';
import type { PortName, PreparedPolicy, PreparedRule } from './prepared-policy.ts';

/** Longest list of warnings of one policy. */
const MAX_WARNINGS = 20;

/** Policies that a default rule is described by; it is made by all that select the pod. */
const MAX_NAMES = 1000;

const NO_ENDPOINTS: readonly number[] = [];

/** Identities that have a port of this name, in one namespace or ('') in all. */
type WithPort = (port: PortName, namespace: string) => readonly Workload[];

/** An entry with what its warnings were found for. */
interface KeptEntry {
  entry: PolicyEntry;
  revision: number;
  spellings: string[];
}

export class PolicyReport {
  readonly #ids: IdAllocator;
  /** Default rules by number, with their keys. */
  readonly #defaults = new Map<number, { key: string; entry: RuleEntry }>();
  #rules = new Map<PreparedRule, RuleEntry>();
  #policies = new Map<PreparedPolicy, KeptEntry>();

  constructor(ids: IdAllocator) {
    this.#ids = ids;
  }

  /** @returns the number of the default that these policies make together in a direction. */
  defaultRule(direction: PolicyDirection, policies: readonly PreparedPolicy[]): number {
    const audit = policies.every((it) => it.staged);
    const names = policies.map((it) => ({ namespace: it.policy.namespace, name: it.policy.name }));
    const list = names.map((it) => `${it.namespace}/${it.name}`).join(',');
    const key = `default/${direction}/${audit ? 'audit/' : ''}${list}`;
    const ref = this.#ids.get(key);
    if (!this.#defaults.has(ref)) {
      this.#defaults.set(ref, {
        key,
        entry: { ref, default: true, direction, audit, policies: names.slice(0, MAX_NAMES) },
      });
    }
    return ref;
  }

  /**
   * `selected`: refs of the local pods that each policy selects; `defaults`: numbers of the default rules in
   * use; `withPort` answers for that `revision` of the identities. Entries that say the same as the last time
   * are the same objects. Numbers not in use are given back.
   */
  of(
    policies: readonly PreparedPolicy[],
    selected: ReadonlyMap<PreparedPolicy, readonly number[]>,
    defaults: ReadonlySet<number>,
    withPort: WithPort,
    revision: number,
  ): { rules: RuleEntry[]; policies: PolicyEntry[] } {
    const used = new Set<string>();
    const rules = new Map<PreparedRule, RuleEntry>();
    const entries = new Map<PreparedPolicy, KeptEntry>();
    for (const prepared of policies) {
      for (const rule of allRules(prepared)) {
        used.add(rule.key);
        rules.set(rule, this.#rules.get(rule) ?? this.#ruleEntry(prepared, rule));
      }
      entries.set(prepared, this.#policyEntry(prepared, selected.get(prepared) ?? NO_ENDPOINTS, withPort, revision));
    }
    this.#rules = rules;
    this.#policies = entries;
    for (const [ref, { key }] of this.#defaults) {
      if (defaults.has(ref)) used.add(key);
      else this.#defaults.delete(ref);
    }
    this.#ids.retain(used);
    const defaultEntries = Array.from(this.#defaults.values(), (it) => it.entry);
    return { rules: [...rules.values(), ...defaultEntries], policies: Array.from(entries.values(), (it) => it.entry) };
  }

  #ruleEntry({ policy: { namespace, name } }: PreparedPolicy, { key, direction, index }: PreparedRule): RuleEntry {
    return { ref: this.#ids.get(key), kind: 'NetworkPolicy', namespace, name, direction, index };
  }

  #policyEntry(prepared: PreparedPolicy, selected: readonly number[], withPort: WithPort, revision: number): KeptEntry {
    const known = this.#policies.get(prepared);
    const endpoints = selected.length > 1 ? selected.toSorted((a, b) => a - b) : selected;
    const isSelection = known !== undefined && same(known.entry.endpoints, endpoints);
    if (isSelection && known.revision === revision) return known;
    const spellings = known?.spellings ?? spellingsOf(prepared);
    const warnings = [...spellings, ...nobodysPorts(prepared, withPort)].slice(0, MAX_WARNINGS);
    if (isSelection && same(known.entry.warnings, warnings)) return { ...known, revision };
    const { policy, staged, rules } = prepared;
    const refs = (list: PreparedRule[] | null): number[] => (list ?? []).map((it) => this.#ids.get(it.key));
    const entry: PolicyEntry = {
      namespace: policy.namespace,
      name: policy.name,
      uid: policy.uid,
      mode: staged ? 'audit' : 'enforce',
      policy_types: policy.spec.policyTypes,
      endpoints: [...endpoints],
      rules: { ingress: refs(rules.ingress), egress: refs(rules.egress) },
      spec: { ...policy.spec },
      warnings,
    };
    return { entry, revision, spellings };
  }
}

function allRules({ rules }: PreparedPolicy): PreparedRule[] {
  return [...(rules.ingress ?? []), ...(rules.egress ?? [])];
}

/** What the API accepts, but probably was not meant so. */
function spellingsOf({ policy: { spec }, rules }: PreparedPolicy): string[] {
  const warnings: string[] = [];
  for (const [direction, type] of [
    ['ingress', 'Ingress'],
    ['egress', 'Egress'],
  ] as const) {
    if (rules[direction] === null && spec[direction].length > 0) {
      warnings.push(`its ${direction} rules have no effect, because policyTypes does not name ${type}`);
    }
  }
  const peers = [...spec.ingress.flatMap((it) => it.from), ...spec.egress.flatMap((it) => it.to)];
  for (const { ipBlock } of peers) {
    if (ipBlock === null) continue;
    for (const text of [ipBlock.cidr, ...ipBlock.except]) {
      const read = parseBlock(text)?.text;
      if (read !== undefined && read !== text) warnings.push(`the block ${text} is read as ${read}`);
    }
  }
  return warnings;
}

/** Port names that mean nothing now, and so allow nothing. */
function nobodysPorts(prepared: PreparedPolicy, withPort: WithPort): string[] {
  const warnings: string[] = [];
  for (const rule of allRules(prepared)) {
    for (const port of rule.names) {
      const isIngress = rule.direction === 'ingress';
      const having = withPort(port, isIngress ? prepared.policy.namespace : '');
      if (isIngress ? having.some((it) => prepared.selects(it)) : having.length > 0) continue;
      const who = isIngress ? 'no pod that it selects' : 'no pod';
      warnings.push(
        `${rule.direction} rule ${rule.index} allows nothing by the port name ${port.name} (${port.protocol}): ${who} has it`,
      );
    }
  }
  return warnings;
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((it, i) => it === b[i]);
}
