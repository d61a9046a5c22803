/**
 * What the numbers in an agent's records mean: its endpoints, services, identities and policies. One dictionary per
 * agent session. What the agent removes stays readable while stored records may still name it.
 */
import type {
  Dictionary,
  EndpointEntry,
  PolicyEntry,
  PolicyProblemEntry,
  RuleEntry,
  ServiceEntry,
} from '../wire/agent.ts';

import { NO_CHANGE } from './dictionary-parts.ts';
import { DnsNames } from './dns-names.ts';

/** The names behind the numbers, as readers see them. */
export interface Names {
  readonly node: string;
  /** 64 bits that stand for the agent's session, see `sessionKey`. */
  readonly session: bigint;
  /** Grows with every change; sets computed from the names are stale when it differs. */
  readonly revision: number;
  readonly endpoints: ReadonlyMap<number, EndpointEntry>;
  readonly services: ReadonlyMap<number, ServiceEntry>;
  /** Labels by identity number. */
  readonly identities: ReadonlyMap<number, readonly string[]>;
  readonly rules: ReadonlyMap<number, RuleEntry>;
  /** Policies of now, by `namespace/name`. */
  readonly policies: ReadonlyMap<string, PolicyEntry>;
  readonly policyProblems: readonly PolicyProblemEntry[];
  /** Names of addresses of the world. Not part of the revision: they are looked up, never compiled into sets. */
  readonly dns: DnsNames;
  /** Whether the endpoint exists now, not only in stored records. */
  isLive(endpoint: number): boolean;
}

/** What records name by a number. */
export type NumberedKind = 'endpoint' | 'service' | 'identity' | 'rule';

interface Removal {
  /** From this flow id on no record names it. */
  flowId: number;
  /** Unix ms; counters may name it for a while longer than records do. */
  time: number;
}

export class AgentDictionary implements Names {
  readonly node: string;
  readonly session: bigint;
  readonly endpoints = new Map<number, EndpointEntry>();
  readonly services = new Map<number, ServiceEntry>();
  readonly identities = new Map<number, readonly string[]>();
  readonly rules = new Map<number, RuleEntry>();
  readonly policies = new Map<string, PolicyEntry>();
  readonly dns = new DnsNames();
  #policyProblems: readonly PolicyProblemEntry[] = [];
  readonly #removedEndpoints = new Map<number, Removal>();
  readonly #removedServices = new Map<number, Removal>();
  readonly #removedIdentities = new Map<number, Removal>();
  readonly #removedRules = new Map<number, Removal>();
  #revision = 0;

  constructor(node: string, session = 0n) {
    this.node = node;
    this.session = session;
  }

  get revision(): number {
    return this.#revision;
  }

  get policyProblems(): readonly PolicyProblemEntry[] {
    return this.#policyProblems;
  }

  isLive(endpoint: number): boolean {
    return this.isCurrent('endpoint', endpoint);
  }

  /** Whether the agent has it now. */
  isCurrent(kind: NumberedKind, key: number): boolean {
    switch (kind) {
      case 'endpoint':
        return this.endpoints.has(key) && !this.#removedEndpoints.has(key);
      case 'service':
        return this.services.has(key) && !this.#removedServices.has(key);
      case 'identity':
        return this.identities.has(key) && !this.#removedIdentities.has(key);
      case 'rule':
        return this.rules.has(key) && !this.#removedRules.has(key);
    }
  }

  /** Takes over a change; `nextFlowId` is the id that the next stored flow will get. */
  apply(change: Dictionary, nextFlowId: number): void {
    this.#revision += 1;
    const removal = { flowId: nextFlowId, time: Date.now() };
    if (change.snapshot) {
      for (const ref of this.endpoints.keys()) bury(this.#removedEndpoints, ref, removal);
      for (const id of this.services.keys()) bury(this.#removedServices, id, removal);
      for (const identity of this.identities.keys()) bury(this.#removedIdentities, identity, removal);
      for (const ref of this.rules.keys()) bury(this.#removedRules, ref, removal);
      this.policies.clear();
    }
    for (const entry of change.endpoints) {
      this.endpoints.set(entry.ref, entry);
      this.#removedEndpoints.delete(entry.ref);
    }
    for (const entry of change.services) {
      this.services.set(entry.id, entry);
      this.#removedServices.delete(entry.id);
    }
    for (const entry of change.identities) {
      this.identities.set(entry.identity, entry.labels);
      this.#removedIdentities.delete(entry.identity);
    }
    for (const entry of change.rules) {
      this.rules.set(entry.ref, entry);
      this.#removedRules.delete(entry.ref);
    }
    for (const { namespace, name } of change.removed_policies) this.policies.delete(`${namespace}/${name}`);
    for (const entry of change.policies) this.policies.set(`${entry.namespace}/${entry.name}`, entry);
    if (change.policy_problems !== null) this.#policyProblems = change.policy_problems;
    for (const identity of change.removed_identities) bury(this.#removedIdentities, identity, removal);
    for (const ref of change.removed_rules) bury(this.#removedRules, ref, removal);
    for (const ref of change.removed_endpoints) bury(this.#removedEndpoints, ref, removal);
    for (const id of change.removed_services) bury(this.#removedServices, id, removal);
  }

  /**
   * Changes that make another dictionary know what this one does: everything that records may name, then the removal of
   * what exists no longer.
   */
  state(): [Dictionary, Dictionary] {
    const all: Dictionary = {
      ...NO_CHANGE,
      snapshot: true,
      endpoints: [...this.endpoints.values()],
      services: [...this.services.values()],
      identities: Array.from(this.identities, ([identity, labels]) => ({ identity, labels: [...labels] })),
      rules: [...this.rules.values()],
      policies: [...this.policies.values()],
      policy_problems: [...this.#policyProblems],
    };
    const gone: Dictionary = {
      ...NO_CHANGE,
      removed_endpoints: [...this.#removedEndpoints.keys()],
      removed_services: [...this.#removedServices.keys()],
      removed_identities: [...this.#removedIdentities.keys()],
      removed_rules: [...this.#removedRules.keys()],
    };
    return [all, gone];
  }

  /** Forgets what was removed before the oldest stored flow, and before `time` (Unix ms). */
  prune(oldestFlowId: number, time: number): void {
    forget(this.#removedEndpoints, this.endpoints, oldestFlowId, time);
    forget(this.#removedServices, this.services, oldestFlowId, time);
    forget(this.#removedIdentities, this.identities, oldestFlowId, time);
    forget(this.#removedRules, this.rules, oldestFlowId, time);
  }
}

function bury(removed: Map<number, Removal>, key: number, removal: Removal): void {
  if (!removed.has(key)) removed.set(key, removal);
}

function forget(removed: Map<number, Removal>, entries: Map<number, unknown>, flowId: number, time: number): void {
  for (const [key, removal] of removed) {
    if (removal.flowId > flowId || removal.time > time) continue;
    entries.delete(key);
    removed.delete(key);
  }
}
