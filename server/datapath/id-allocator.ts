/**
 * Numbers for things that are known by a key: stable while the key is used, the next free one for a
 * new key. Seeded with what files and pinned maps still hold, so that numbers survive a restart of the agent.
 */
import { Failure } from '../base/failure.ts';

/** What must be kept for numbers to survive: who has which, and where counting goes on. */
export interface KeptNumbers {
  next: number;
  ids: [key: string, id: number][];
}

export class IdAllocator {
  readonly #ids = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #last: number;
  #next: number;
  #revision = 0;

  /** `first` and `last`: the range numbers are given out of. */
  constructor(first: number, last = 0xffff_ffff) {
    this.#first = first;
    this.#last = last;
    this.#next = first;
  }

  /** Grows with every change of what `keep` returns. */
  get revision(): number {
    return this.#revision;
  }

  /** Notes that `id` belongs to `key`, unless either is taken already. */
  adopt(key: string, id: number): void {
    if (id < this.#first || id > this.#last || this.#ids.has(key) || this.#used.has(id)) return;
    this.#ids.set(key, id);
    this.#used.add(id);
    this.#revision++;
  }

  /** Never gives out `id`: something unknown is still called by it. */
  reserve(id: number): void {
    if (id >= this.#first && id <= this.#last) this.#used.add(id);
  }

  /** @returns the number of `key`, a new one on first use. @throws Failure if there is none left. */
  get(key: string): number {
    let id = this.#ids.get(key);
    if (id !== undefined) return id;
    if (this.#used.size > this.#last - this.#first) {
      throw new Failure(`there is no number left from ${this.#first} to ${this.#last}; remove what is not used`);
    }
    // Upwards from the last one, so that a number just given back is not used again at once.
    while (this.#used.has(this.#next)) this.#step();
    id = this.#next;
    this.#step();
    this.#ids.set(key, id);
    this.#used.add(id);
    this.#revision++;
    return id;
  }

  #step(): void {
    this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
  }

  /** Gives back the numbers of all keys that `keep` does not name. */
  retain(keep: { has(key: string): boolean }): void {
    for (const [key, id] of this.#ids) {
      if (keep.has(key)) continue;
      this.#ids.delete(key);
      this.#used.delete(id);
      this.#revision++;
    }
  }

  /** For a file; `restore` reads it in another process. */
  kept(): KeptNumbers {
    return { next: this.#next, ids: [...this.#ids] };
  }

  restore({ next, ids }: KeptNumbers): void {
    for (const [key, id] of ids) this.adopt(key, id);
    if (next >= this.#first && next <= this.#last) this.#next = next;
  }
}
