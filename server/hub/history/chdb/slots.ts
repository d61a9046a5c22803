/** So many at a time; others wait in line, and the line is bounded. */
export class Slots {
  #free: number;
  readonly #line: (() => void)[] = [];
  readonly #maxWaiting: number;

  constructor(count: number, maxWaiting: number) {
    this.#free = count;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs `work` when it is its turn. Returns null, without running it, if the line is full. */
  async run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#free === 0 && this.#line.length >= this.#maxWaiting) return null;
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((turn) => this.#line.push(turn));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
