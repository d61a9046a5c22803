/** How often each of many clients may do something: a bucket for each, in a bounded table. */
import { ExpiringMap } from './expiring-map.ts';

const MAX_CLIENTS = 10_000;

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets: ExpiringMap<string, { left: number; at: number }>;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    // An older bucket is full again, as is one that is not there.
    this.#buckets = new ExpiringMap((1000 * burst) / perSecond, MAX_CLIENTS);
  }

  /** Takes one, if there is one. */
  take(client: string): boolean {
    const left = this.#left(client);
    if (left < 1) return false;
    this.#buckets.set(client, { left: left - 1, at: Date.now() });
    return true;
  }

  /** Whole seconds until there is one; 0 if there is. */
  waitS(client: string): number {
    return Math.ceil(Math.max(0, 1 - this.#left(client)) / this.#perSecond);
  }

  #left(client: string): number {
    const bucket = this.#buckets.get(client);
    if (bucket === undefined) return this.#burst;
    return Math.min(this.#burst, bucket.left + ((Date.now() - bucket.at) / 1000) * this.#perSecond);
  }
}
