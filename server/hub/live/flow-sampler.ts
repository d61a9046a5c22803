/**
 * Picks which of many new flows a browser gets: all while they fit, else every nth, n a power of two.
 * Exceptions (drops, and messages that tell of errors) have room of their own, because one of them may be what somebody
 * is looking for.
 */

export class FlowSampler {
  readonly #room: number;
  readonly #exceptionRoom: number;
  #ids: number[] = [];
  #exceptions: number[] = [];
  #stride = 1;
  #seen = 0;
  #matched = 0;

  /** At most `room` flows, and `exceptionRoom` exceptions, the newest of them. */
  constructor(room: number, exceptionRoom: number) {
    this.#room = Math.max(1, room);
    this.#exceptionRoom = exceptionRoom;
  }

  add(id: number, isException: boolean): void {
    this.#matched += 1;
    if (isException) {
      this.#exceptions.push(id);
      if (this.#exceptions.length > this.#exceptionRoom) this.#exceptions.shift();
      return;
    }
    if (this.#seen++ % this.#stride !== 0) return;
    if (this.#ids.length >= this.#room) {
      this.#ids = this.#ids.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
      if ((this.#seen - 1) % this.#stride !== 0) return;
    }
    this.#ids.push(id);
  }

  /** Ids in order; `sampled`: every nth flow is among them. */
  result(): { ids: number[]; sampled: number; matched: number } {
    const ids = [...this.#ids, ...this.#exceptions].toSorted((a, b) => a - b);
    return { ids, sampled: this.#stride, matched: this.#matched };
  }
}
