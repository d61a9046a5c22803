/**
 * The kernel stamps records with the monotonic clock; people read wall time. This keeps the difference,
 * to better than Date's millisecond, and notices when the wall clock is set.
 */
const NS_PER_MS = 1_000_000n;
const STEP_NS = 5n * NS_PER_MS;

export class ClockOffset {
  #offset = measure();

  /** Unix ns = monotonic ns + this. */
  get ns(): bigint {
    return this.#offset;
  }

  /** Measures again if the wall clock has moved by more than 5 ms against the monotonic one. */
  refresh(): void {
    const rough = BigInt(Date.now()) * NS_PER_MS - process.hrtime.bigint();
    const drift = rough > this.#offset ? rough - this.#offset : this.#offset - rough;
    if (drift > STEP_NS) this.#offset = measure();
  }
}

/** Waits (at most a millisecond) for Date to tick over: just then its milliseconds are exact. */
function measure(): bigint {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return BigInt(now) * NS_PER_MS - process.hrtime.bigint();
}
