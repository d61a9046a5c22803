/**
 * The identities of the cluster's pods. Keeps what it worked out about each pod, so that a change costs
 * what changed; the number of an identity stays while one pod has it.
 */
import type { ClusterState, Namespace, Pod } from '../cluster/model.ts';
import type { IdAllocator } from './id-allocator.ts';
import { type Workload, workloadOf } from './identity.ts';

interface Known {
  namespace: Namespace | undefined;
  named: ReadonlySet<string>;
  key: string;
  workload: Workload;
}

export class IdentityTable {
  readonly #ids: IdAllocator;
  /** By pod object: sources make a new one when a pod changes. */
  #known = new WeakMap<Pod, Known>();
  #byKey = new Map<string, Workload>();
  #byUid = new Map<string, Workload>();
  #byNumber = new Map<number, Workload>();
  #named: ReadonlySet<string> = new Set();
  #revision = 0;

  constructor(ids: IdAllocator) {
    this.#ids = ids;
  }

  /** Grows whenever an identity comes or goes. */
  get revision(): number {
    return this.#revision;
  }

  get all(): ReadonlyMap<number, Workload> {
    return this.#byNumber;
  }

  /** The identity of a pod of the last `update`; none if it is on the host's network. */
  of(pod: Pod): Workload | undefined {
    return this.#byUid.get(pod.uid);
  }

  /**
   * Takes the state; `named` are the transient labels that policies select by. @returns what came and what went.
   */
  update(
    state: Pick<ClusterState, 'namespaces' | 'pods'>,
    named: ReadonlySet<string>,
  ): { added: Workload[]; removed: Workload[] } {
    if (!sameSet(named, this.#named)) this.#named = named;
    const namespaces = new Map(state.namespaces.map((it) => [it.name, it]));
    const before = this.#byKey;
    this.#byKey = new Map();
    this.#byUid = new Map();
    const added: Workload[] = [];
    for (const pod of state.pods) {
      if (pod.hostNetwork) continue;
      const { key, workload } = this.#knownOf(pod, namespaces.get(pod.namespace), before);
      this.#byUid.set(pod.uid, workload);
      if (this.#byKey.has(key)) continue;
      this.#byKey.set(key, workload);
      if (before.get(key) === workload) continue;
      added.push(workload);
      this.#byNumber.set(workload.identity, workload);
    }
    const removed = [...before].filter(([key]) => !this.#byKey.has(key)).map(([, workload]) => workload);
    for (const { identity } of removed) this.#byNumber.delete(identity);
    if (removed.length > 0 || this.#revision === 0) this.#ids.retain(this.#byKey);
    if (added.length + removed.length > 0 || this.#revision === 0) this.#revision++;
    return { added, removed };
  }

  #knownOf(pod: Pod, namespace: Namespace | undefined, before: ReadonlyMap<string, Workload>): Known {
    const known = this.#known.get(pod);
    const current = known === undefined ? undefined : (this.#byKey.get(known.key) ?? before.get(known.key));
    // An identity that went and came back has another number.
    if (known?.namespace === namespace && known?.named === this.#named && known.workload === current) return known;
    const { key, workload, labels } = workloadOf(pod, namespace, this.#named);
    const identity = this.#ids.get(key);
    const fresh = {
      namespace,
      named: this.#named,
      key,
      workload: this.#byKey.get(key) ?? before.get(key) ?? { ...workload, identity, entry: { identity, labels } },
    };
    this.#known.set(pod, fresh);
    return fresh;
  }
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((it) => b.has(it));
}
