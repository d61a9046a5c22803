/** Which identities a peer of a policy means, kept for each different selector and followed as identities change. */
import type { Workload } from './identity.ts';
import type { PodPeer } from './prepared-policy.ts';

export interface PeerSet {
  identities: ReadonlySet<number>;
  /** Differs from every earlier state of the set, and from that of every earlier set of the same selector. */
  revision: number;
}

interface Kept extends PeerSet {
  peer: PodPeer;
  identities: Set<number>;
}

export class PeerSets {
  readonly #all: () => Iterable<Workload>;
  readonly #sets = new Map<string, Kept>();
  #revision = 0;

  /** `all`: the identities there are now. */
  constructor(all: () => Iterable<Workload>) {
    this.#all = all;
  }

  of(peer: PodPeer): PeerSet {
    let set = this.#sets.get(peer.key);
    if (set === undefined) {
      const identities = new Set<number>();
      for (const it of this.#all()) if (peer.matches(it)) identities.add(it.identity);
      set = { peer, identities, revision: ++this.#revision };
      this.#sets.set(peer.key, set);
    }
    return set;
  }

  update({ added, removed }: { added: readonly Workload[]; removed: readonly Workload[] }): void {
    if (added.length + removed.length === 0) return;
    for (const set of this.#sets.values()) {
      let changed = false;
      for (const it of removed) changed = set.identities.delete(it.identity) || changed;
      for (const it of added) {
        if (!set.peer.matches(it)) continue;
        set.identities.add(it.identity);
        changed = true;
      }
      if (changed) set.revision = ++this.#revision;
    }
  }

  /** Forgets the sets of all selectors that `keys` does not name. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#sets.keys()) if (!keys.has(key)) this.#sets.delete(key);
  }
}
