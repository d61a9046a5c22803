/**
 * Numbers for things that are known by a key: stable while the key is used, the next free one for a
 * new key. Seeded with what pinned maps still hold, so that numbers survive a restart of the agent.
 */
export class IdAllocator {
  readonly #ids = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #last: number;
  #next: number;

  /** `first` and `last`: the lowest and the highest number given out. */
  constructor(first: number, last = 0xffffffff) {
    this.#first = first;
    this.#last = last;
    this.#next = first;
  }

  /** Notes that `id` belongs to `key`, unless either is taken already. */
  adopt(key: string, id: number): void {
    if (id < this.#first || id > this.#last || this.#ids.has(key) || this.#used.has(id)) return;
    this.#ids.set(key, id);
    this.#used.add(id);
  }

  /** @returns the number of `key`, a new one on first use. @throws RangeError if all are used. */
  get(key: string): number {
    let id = this.#ids.get(key);
    if (id !== undefined) return id;
    if (this.#used.size > this.#last - this.#first) throw new RangeError(`no number up to ${this.#last} is left`);
    // Upwards from the last one, so that a number just given back is not used again at once.
    while (this.#used.has(this.#next)) this.#step();
    id = this.#next;
    this.#step();
    this.#ids.set(key, id);
    this.#used.add(id);
    return id;
  }

  #step(): void {
    this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
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
