/**
 * Picks which of many new flows a browser gets: all while they fit, else every nth, n a power of two.
 * Drops have room of their own, because one of them may be what somebody is looking for.
 */

export class FlowSampler {
  readonly #room: number;
  readonly #dropRoom: number;
  #ids: number[] = [];
  #drops: number[] = [];
  #stride = 1;
  #seen = 0;
  #matched = 0;

  /** At most `room` flows, and `dropRoom` drops, the newest of them. */
  constructor(room: number, dropRoom: number) {
    this.#room = Math.max(1, room);
    this.#dropRoom = dropRoom;
  }

  add(id: number, isDrop: boolean): void {
    this.#matched += 1;
    if (isDrop) {
      this.#drops.push(id);
      if (this.#drops.length > this.#dropRoom) this.#drops.shift();
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
    const ids = [...this.#ids, ...this.#drops].toSorted((a, b) => a - b);
    return { ids, sampled: this.#stride, matched: this.#matched };
  }
}
