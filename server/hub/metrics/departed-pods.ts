/** Which pods have been gone for so long that their series go, too: a minute, as with Hubble. */
import type { Names } from '../../flows/dictionary.ts';

const KEPT_MS = 60_000;

export class DepartedPods {
  /** Unix ms since when a pod is gone that was there. */
  readonly #left = new Map<string, number>();
  #living = new Set<string>();

  /** Whether the pod `namespace/name` has been gone for a minute, or was never there. */
  readonly isGone = (pod: string): boolean => !this.#living.has(pod) && !this.#left.has(pod);

  /** Looks who is there, by the names of all agents that the hub has heard; `now` is Unix ms. */
  look(agents: Iterable<Names>, now: number): void {
    const before = this.#living;
    this.#living = new Set();
    for (const names of agents) {
      for (const { namespace, name, ref } of names.endpoints.values()) {
        if (namespace !== '' && names.isLive(ref)) this.#living.add(`${namespace}/${name}`);
      }
    }
    for (const pod of before) if (!this.#living.has(pod)) this.#left.set(pod, now);
    for (const [pod, since] of this.#left) {
      if (this.#living.has(pod) || now - since >= KEPT_MS) this.#left.delete(pod);
    }
  }
}
