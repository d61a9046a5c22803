/** The order of flows that every reader sees: by time, then by session, then by their place in it. */

/** Names a flow and says where it stands among all others. */
export interface FlowKey {
  /** Unix ns. */
  time: bigint;
  session: bigint;
  /** Place among the records of the session. */
  sequence: number;
}

/** Below 0 if `a` comes before `b`, 0 if both are the same flow. */
export function compareKeys(a: FlowKey, b: FlowKey): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.session !== b.session) return a.session < b.session ? -1 : 1;
  return a.sequence - b.sequence;
}

/** The greatest key that comes before `key`. */
export function justBefore({ time, session, sequence }: FlowKey): FlowKey {
  return { time, session, sequence: sequence - 1 };
}

/**
 * Keeps the `limit` newest of the keys it is given. Holds at most twice as many; `floor` is what a key has to
 * come after to matter, null as long as every key does.
 */
export class NewestKeys {
  readonly #limit: number;
  #keys: FlowKey[] = [];
  #floor: FlowKey | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get floor(): FlowKey | null {
    return this.#floor;
  }

  add(key: FlowKey): void {
    if (this.#floor !== null && compareKeys(key, this.#floor) <= 0) return;
    this.#keys.push(key);
    if (this.#keys.length >= Math.max(2 * this.#limit, 64)) this.settle();
  }

  /** Brings `floor` up to date. */
  settle(): void {
    if (this.#keys.length < this.#limit || (this.#floor !== null && this.#keys.length === this.#limit)) return;
    this.#keys.sort((a, b) => compareKeys(b, a));
    this.#keys.length = this.#limit;
    this.#floor = this.#keys.at(-1) ?? null;
  }

  /** The oldest of those kept, null if there is none. */
  oldest(): FlowKey | null {
    this.settle();
    let oldest: FlowKey | null = null;
    for (const key of this.#keys) if (oldest === null || compareKeys(key, oldest) < 0) oldest = key;
    return oldest;
  }
}
