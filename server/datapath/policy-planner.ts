/**
 * Cluster state -> contents of the policy map, for the pods of this node as subjects. Remembers what it
 * worked out and does again only what a change concerns: a policy, an identity, a block.
 */
import type { ClusterState, NetworkPolicy } from '../cluster/model.ts';
import type { PolicyEntry, RuleEntry } from '../wire/agent.ts';
import { CidrIdentities, hostBlock } from './cidr-identities.ts';
import { type CompiledSubject, compileSubject, type PolicyWorld } from './compile-policy.ts';
import type { IdAllocator } from './id-allocator.ts';
import { IdentityTable } from './identity-table.ts';
import type { Workload } from './identity.ts';
import { PeerSets } from './peer-sets.ts';
import type { PolicyDirection } from './policy-entry.ts';
import { policyHosts } from './policy-hosts.ts';
import { PolicyReport } from './policy-report.ts';
import { type PortName, preparePolicy, type PreparedPolicy } from './prepared-policy.ts';

interface KeptPolicy {
  prepared: PreparedPolicy;
  text: string;
}

interface KeptSubject {
  list: PolicyList;
  /** Those of the list that select the subject. */
  policies: PreparedPolicy[];
  compiled: CompiledSubject;
  blocks: number;
  names: number;
}

/** The policies of a namespace in the order of their names; a new object with each change. */
interface PolicyList {
  policies: PreparedPolicy[];
  /** What is different from the list before. */
  before: PreparedPolicy[] | null;
  gone: ReadonlySet<PreparedPolicy>;
  come: PreparedPolicy[];
}

const NO_POLICIES: PolicyList = { policies: [], before: null, gone: new Set(), come: [] };

export class PolicyPlanner {
  readonly identities: IdentityTable;
  readonly blocks: CidrIdentities;
  readonly #rules: IdAllocator;
  readonly #peers: PeerSets;
  readonly #report: PolicyReport;
  #policies = new Map<string, KeptPolicy>();
  #lists = new Map<string, PolicyList>();
  #hosts = new Map<bigint, Workload>();
  #byPort: { revision: number; map: Map<string, Workload[]> } = { revision: -1, map: new Map() };
  #subjects = new Map<number, KeptSubject>();

  constructor(ids: { identities: IdAllocator; cidrs: IdAllocator; rules: IdAllocator }) {
    this.identities = new IdentityTable(ids.identities);
    this.blocks = new CidrIdentities(ids.cidrs);
    this.#rules = ids.rules;
    this.#peers = new PeerSets(() => this.identities.all.values());
    this.#report = new PolicyReport(ids.rules);
  }

  /** Takes a new state. After it `identities` and `blocks` answer for that state. */
  update(state: ClusterState): void {
    this.#updatePolicies(state.networkPolicies);
    const all = Array.from(this.#policies.values(), (it) => it.prepared);
    this.#peers.update(this.identities.update(state, new Set(all.flatMap((it) => it.transient))));
    this.#hosts = policyHosts(all, state.pods, this.identities);
    const blocks = all.flatMap((it) => it.blocks);
    this.blocks.update([...blocks, ...Array.from(this.#hosts.keys(), hostBlock)]);
  }

  /** What the map should hold for these identities as subjects, by identity; those without isolation are left out. */
  compile(subjects: Iterable<Workload>): Map<number, CompiledSubject> {
    const before = this.#subjects;
    this.#subjects = new Map();
    const contents = new Map<number, CompiledSubject>();
    for (const subject of subjects) {
      if (this.#subjects.has(subject.identity)) continue;
      const kept = this.#subject(subject, before.get(subject.identity));
      this.#subjects.set(subject.identity, kept);
      if (kept.compiled.isolated !== 0) contents.set(subject.identity, kept.compiled);
    }
    return contents;
  }

  /** What hubs are told. `endpoints`: refs of the local pods by identity. */
  report(endpoints: ReadonlyMap<number, readonly number[]>): { rules: RuleEntry[]; policies: PolicyEntry[] } {
    const selected = new Map<PreparedPolicy, number[]>();
    const defaults = new Set<number>();
    for (const [identity, { policies, compiled }] of this.#subjects) {
      const refs = endpoints.get(identity) ?? [];
      for (const policy of policies) selected.set(policy, [...(selected.get(policy) ?? []), ...refs]);
      for (const ref of compiled.defaults) defaults.add(ref);
    }
    const all = Array.from(this.#policies.values(), (it) => it.prepared);
    return this.#report.of(
      all,
      selected,
      defaults,
      (port, namespace) => this.#withPort(port, namespace),
      this.identities.revision,
    );
  }

  #updatePolicies(policies: readonly NetworkPolicy[]): void {
    const before = this.#policies;
    this.#policies = new Map();
    let changed = policies.length !== before.size;
    for (const policy of policies) {
      const key = `${policy.namespace}/${policy.name}`;
      const known = before.get(key);
      if (known?.prepared.policy === policy) {
        this.#policies.set(key, known);
        continue;
      }
      // A source that reads everything anew makes new objects of old contents.
      const text = JSON.stringify(policy);
      const same = known?.text === text;
      changed ||= !same;
      this.#policies.set(key, same ? known : { prepared: preparePolicy(policy), text });
    }
    if (changed) this.#policiesChanged();
  }

  #policiesChanged(): void {
    const before = this.#lists;
    this.#lists = new Map();
    const spaces = new Map<string, PreparedPolicy[]>();
    for (const { prepared } of this.#policies.values()) {
      const { namespace } = prepared.policy;
      const space = spaces.get(namespace);
      if (space === undefined) spaces.set(namespace, [prepared]);
      else space.push(prepared);
    }
    for (const [namespace, unsorted] of spaces) {
      const policies = unsorted.toSorted((a, b) => (a.policy.name < b.policy.name ? -1 : 1));
      const last = before.get(namespace) ?? NO_POLICIES;
      this.#lists.set(namespace, isSameList(last.policies, policies) ? last : listAfter(last.policies, policies));
    }
    const used = new Set<string>();
    for (const { prepared } of this.#policies.values()) {
      for (const rule of [...(prepared.rules.ingress ?? []), ...(prepared.rules.egress ?? [])]) {
        for (const peer of rule.peers) if (peer.kind === 'pods') used.add(peer.key);
      }
    }
    this.#peers.retain(used);
  }

  #subject(subject: Workload, before: KeptSubject | undefined): KeptSubject {
    const list = this.#lists.get(subject.namespace) ?? NO_POLICIES;
    const policies = selectedBy(subject, list, before);
    const stamp = { blocks: this.blocks.revision, names: this.identities.revision };
    if (before !== undefined && isSameList(before.policies, policies) && this.#holds(before)) {
      return { ...before, list };
    }
    return { list, policies, compiled: compileSubject(subject, policies, this.#world), ...stamp };
  }

  #holds({ compiled, blocks, names }: KeptSubject): boolean {
    if (compiled.usesBlocks && blocks !== this.blocks.revision) return false;
    if (compiled.usesNames && names !== this.identities.revision) return false;
    for (const [set, revision] of compiled.peers) if (set.revision !== revision) return false;
    return true;
  }

  get #world(): PolicyWorld {
    return {
      pods: (peer) => this.#peers.of(peer),
      blocks: this.blocks,
      withPort: (port) => this.#withPort(port, ''),
      hosts: this.#hosts,
      rule: (rule) => this.#rules.get(rule.key),
      defaultRule: (direction: PolicyDirection, policies) => this.#report.defaultRule(direction, policies),
    };
  }

  /** Identities that have a port of this name, in one namespace or ('') in all. */
  #withPort({ name, protocol }: PortName, namespace: string): readonly Workload[] {
    if (this.#byPort.revision !== this.identities.revision) {
      const map = new Map<string, Workload[]>();
      for (const workload of this.identities.all.values()) {
        const ports = new Set(workload.ports.map((it) => `${it.name}/${it.protocol}`));
        for (const key of [...ports].flatMap((it) => [`/${it}`, `${workload.namespace}/${it}`])) {
          const having = map.get(key);
          if (having === undefined) map.set(key, [workload]);
          else having.push(workload);
        }
      }
      this.#byPort = { revision: this.identities.revision, map };
    }
    return this.#byPort.map.get(`${namespace}/${name}/${protocol}`) ?? [];
  }
}

function selectedBy(subject: Workload, list: PolicyList, before: KeptSubject | undefined): PreparedPolicy[] {
  if (before?.list === list) return before.policies;
  if (before === undefined || before.list.policies !== list.before)
    return list.policies.filter((it) => it.selects(subject));
  const come = list.come.filter((it) => it.selects(subject));
  if (come.length === 0 && !before.policies.some((it) => list.gone.has(it))) return before.policies;
  const all = [...before.policies.filter((it) => !list.gone.has(it)), ...come];
  return all.toSorted((a, b) => (a.policy.name < b.policy.name ? -1 : 1));
}

function listAfter(before: PreparedPolicy[], policies: PreparedPolicy[]): PolicyList {
  const [was, is] = [new Set(before), new Set(policies)];
  const gone = new Set(before.filter((it) => !is.has(it)));
  return { policies, before, gone, come: policies.filter((it) => !was.has(it)) };
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((it, i) => it === b[i]));
}
