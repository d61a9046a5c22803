/**
 * Numbers for things that are known by a key: stable while the key is used, the lowest free one for a
 * new key. Seeded with what pinned maps still hold, so that numbers survive a restart of the agent.
 */
export class IdAllocator {
  readonly #ids = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #first: number;
  #next: number;

  /** `first`: the lowest number given out. */
  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  /** Notes that `id` belongs to `key`, unless either is taken already. */
  adopt(key: string, id: number): void {
    if (id < this.#first || this.#ids.has(key) || this.#used.has(id)) return;
    this.#ids.set(key, id);
    this.#used.add(id);
  }

  /** @returns the number of `key`, a new one on first use. */
  get(key: string): number {
    let id = this.#ids.get(key);
    if (id !== undefined) return id;
    // Upwards from the last one, so that a number just given back is not used again at once.
    while (this.#used.has(this.#next)) this.#next++;
    id = this.#next++;
    this.#ids.set(key, id);
    this.#used.add(id);
    return id;
  }

  /** Gives back the numbers of all keys that `keep` does not name. */
  retain(keep: ReadonlySet<string>): void {
    for (const [key, id] of this.#ids) {
      if (keep.has(key)) continue;
      this.#ids.delete(key);
      this.#used.delete(id);
    }
  }
}
