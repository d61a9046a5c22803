/** A bounded map whose entries are forgotten after a time. When it is full the oldest entry goes. */
export class ExpiringMap<Key, Value> {
  readonly #entries = new Map<Key, { value: Value; until: number }>();
  readonly #lifeMs: number;
  readonly #most: number;

  constructor(lifeMs: number, most: number) {
    this.#lifeMs = lifeMs;
    this.#most = most;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.until > Date.now()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** `lifeMs`: other than the map's. */
  set(key: Key, value: Value, lifeMs = this.#lifeMs): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#most) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, until: Date.now() + lifeMs });
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
