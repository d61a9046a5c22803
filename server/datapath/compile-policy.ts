/**
 * The policies that select a pod -> the entries of the policy map with the pod's identity as subject, by
 * the Kubernetes documentation ("Network Policies"). Entries only ever allow, but for one default in each
 * isolated direction, so their order does not matter; where several rules allow the same, the first in
 * the order of names and indexes is the one that is named.
 */
import { addressInBlock } from './policy-hosts.ts';
import { ISOLATED_EGRESS, ISOLATED_INGRESS } from '../kernel/layouts.gen.ts';
import { VERDICT } from '../wire/lists.gen.ts';
import type { CidrIdentities } from './cidr-identities.ts';
import type { Workload } from './identity.ts';
import type { PeerSet } from './peer-sets.ts';
import {
  ANY_TRAFFIC,
  policyCode,
  type PolicyDirection,
  portRange,
  ruling,
  type SubjectPolicy,
  trafficCode,
} from './policy-entry.ts';
import type { BlockPeer, PodPeer, PortName, PreparedPolicy, PreparedRule } from './prepared-policy.ts';

/** What rules are resolved against. */
export interface PolicyWorld {
  pods(peer: PodPeer): PeerSet;
  blocks: CidrIdentities;
  /** Identities whose pods have a port of this name. */
  withPort(port: PortName): readonly Workload[];
  /** Pods by address, where a block and a port name meet. */
  hosts: ReadonlyMap<bigint, Workload>;
  /** Numbers of rules and of default denies. */
  rule(rule: PreparedRule): number;
  defaultRule(direction: PolicyDirection, policies: readonly PreparedPolicy[]): number;
}

export interface CompiledSubject extends SubjectPolicy {
  /** What the result depends on beside the policies: peers with the revision they had, blocks, port names. */
  peers: ReadonlyMap<PeerSet, number>;
  usesBlocks: boolean;
  usesNames: boolean;
  /** Keys of the default rules it names. */
  defaults: number[];
}

/** `policies`: all that select the subject, in the order of their names. */
export function compileSubject(
  subject: Workload,
  policies: readonly PreparedPolicy[],
  world: PolicyWorld,
): CompiledSubject {
  return new Compilation(subject, world).run(policies);
}

class Compilation {
  readonly #subject: Workload;
  readonly #world: PolicyWorld;
  readonly #contents = new Map<number, number>();
  readonly #peers = new Map<PeerSet, number>();
  #usesBlocks = false;
  #usesNames = false;

  constructor(subject: Workload, world: PolicyWorld) {
    this.#subject = subject;
    this.#world = world;
  }

  run(policies: readonly PreparedPolicy[]): CompiledSubject {
    let isolated = 0;
    const defaults: number[] = [];
    for (const [direction, bit] of [
      ['ingress', ISOLATED_INGRESS],
      ['egress', ISOLATED_EGRESS],
    ] as const) {
      const concerned = policies.filter((it) => it.rules[direction] !== null);
      const enforced = concerned.filter((it) => !it.staged);
      // Staged policies are tried where nothing is enforced yet; beside an enforced one they have no say.
      const active = enforced.length > 0 ? enforced : concerned;
      if (active.length === 0) continue;
      isolated |= bit;
      for (const policy of active) for (const rule of policy.rules[direction] ?? []) this.#allow(rule);
      const key = policyCode(0, direction, ANY_TRAFFIC);
      if (this.#contents.has(key)) continue;
      const ref = this.#world.defaultRule(direction, active);
      defaults.push(ref);
      this.#contents.set(key, ruling(ref, enforced.length > 0 ? VERDICT.DROPPED : VERDICT.AUDIT));
    }
    return {
      isolated,
      contents: this.#contents,
      peers: this.#peers,
      usesBlocks: this.#usesBlocks,
      usesNames: this.#usesNames,
      defaults,
    };
  }

  #allow(rule: PreparedRule): void {
    const value = ruling(this.#world.rule(rule), VERDICT.FORWARDED);
    const put = (peer: number, traffic: number): void => {
      const code = policyCode(peer, rule.direction, traffic);
      if (!this.#contents.has(code)) this.#contents.set(code, value);
    };
    // At ingress a port name is one of the subject's own, whoever the peer is.
    const own = rule.direction === 'ingress' ? rule.names.flatMap((it) => trafficOf(this.#subject, it)) : [];
    const traffic = [...rule.traffic, ...own];
    if (traffic.length > 0) for (const peer of this.#identitiesOf(rule)) for (const it of traffic) put(peer, it);
    if (rule.direction === 'egress') for (const name of rule.names) this.#allowByName(rule, name, put);
  }

  #identitiesOf(rule: PreparedRule): Iterable<number> {
    if (rule.peers.length === 0) return [0];
    const found = new Set<number>();
    for (const peer of rule.peers) {
      if (peer.kind === 'pods') for (const it of this.#podsOf(peer).identities) found.add(it);
      else for (const it of this.#blocksOf(peer)) found.add(it);
    }
    return found;
  }

  /** At egress a port name is one of the peer's: it means something for pods only. */
  #allowByName(rule: PreparedRule, name: PortName, put: (peer: number, traffic: number) => void): void {
    this.#usesNames = true;
    const sets = rule.peers.flatMap((it) => (it.kind === 'pods' ? [this.#podsOf(it)] : []));
    for (const peer of this.#world.withPort(name)) {
      if (rule.peers.length > 0 && !sets.some((it) => it.identities.has(peer.identity))) continue;
      for (const traffic of trafficOf(peer, name)) put(peer.identity, traffic);
    }
    const blocks = rule.peers.filter((it) => it.kind === 'block');
    if (blocks.length === 0) return;
    this.#usesBlocks = true;
    for (const [address, peer] of this.#world.hosts) {
      const identity = this.#world.blocks.ofHost(address);
      if (identity === undefined || !blocks.some((it) => addressInBlock(address, it))) continue;
      for (const traffic of trafficOf(peer, name)) put(identity, traffic);
    }
  }

  #podsOf(peer: PodPeer): PeerSet {
    const set = this.#world.pods(peer);
    this.#peers.set(set, set.revision);
    return set;
  }

  #blocksOf({ block, except }: BlockPeer): number[] {
    this.#usesBlocks = true;
    return this.#world.blocks.inside(block, except);
  }
}

function trafficOf(workload: Workload, { name, protocol }: PortName): number[] {
  const found = workload.ports.filter((it) => it.name === name && it.protocol === protocol);
  return found.flatMap((it) => portRange(it.port, it.port).map((place) => trafficCode(protocol, place)));
}
