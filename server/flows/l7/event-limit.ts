/** How many exchanges a second send events; metrics count the others all the same. */

export const EVENTS_PER_SECOND = 2000;
const NS_PER_EVENT = 1e9 / EVENTS_PER_SECOND;
/** What was not used is kept for one second. */
const MOST_NS = 1e9;

/** A token bucket on the clock of the captures. */
export class EventLimit {
  /** Part of EVENTS_PER_SECOND that may be sent. */
  part = 1;
  #leftNs = MOST_NS;
  #lastNs = 0;

  /** Whether one more exchange may send events at that time, ns. */
  take(timeNs: number): boolean {
    if (timeNs > this.#lastNs) {
      this.#leftNs = Math.min(MOST_NS, this.#leftNs + (timeNs - this.#lastNs) * this.part);
      this.#lastNs = timeNs;
    }
    if (this.#leftNs < NS_PER_EVENT) return false;
    this.#leftNs -= NS_PER_EVENT;
    return true;
  }
}
