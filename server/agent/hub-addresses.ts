/**
 * The addresses behind the hubs' URLs. A name of several addresses, such as that of a headless Service, stands for as many
 * hubs. Names are looked up again all the time, since replicas come and go.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { sentence } from '../base/failure.ts';

const LOOKUP_MS = 5000;
/** Hubs of one name; each gets everything. */
const MAX_ADDRESSES = 32;

export interface HubAddress {
  /** As it was given: `ws://spyglass-hub:12000`. */
  url: string;
  ip: string;
  family: 4 | 6;
}

export type Lookup = (host: string) => Promise<readonly { address: string; family: number }[]>;

export class HubAddresses implements Disposable {
  readonly #urls: readonly string[];
  readonly #events: { found(addresses: readonly HubAddress[]): void; failed(url: string, reason: string): void };
  readonly #lookup: Lookup;
  /** Of each URL, as last found; null while it could not be. */
  readonly #known = new Map<string, readonly HubAddress[] | null>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * `found` hears of all addresses after each round in which a name was found; `failed` once of a name that cannot be
   * found, whose former addresses stay. Times in ms.
   */
  constructor(
    urls: readonly string[],
    events: { found(addresses: readonly HubAddress[]): void; failed(url: string, reason: string): void },
    lookup: Lookup = (host) => systemLookup(host, { all: true }),
    intervalMs: number = LOOKUP_MS,
  ) {
    this.#urls = urls;
    this.#events = events;
    this.#lookup = lookup;
    void this.#round(intervalMs);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #round(intervalMs: number): Promise<void> {
    await Promise.all(this.#urls.map((url) => this.#find(url)));
    if (this.#closed) return;
    const all = this.#urls.flatMap((url) => this.#known.get(url) ?? []);
    if (all.length > 0) this.#events.found(all);
    this.#timer = setTimeout(() => void this.#round(intervalMs), intervalMs);
  }

  async #find(url: string): Promise<void> {
    const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
    try {
      const found = await this.#lookup(host);
      const addresses = found
        .slice(0, MAX_ADDRESSES)
        .map(({ address, family }): HubAddress => ({ url, ip: address, family: family === 6 ? 6 : 4 }));
      if (addresses.length === 0) throw new Error(`${host} has no address`);
      this.#known.set(url, addresses);
    } catch (error) {
      if (this.#closed || this.#known.has(url)) return;
      this.#known.set(url, null);
      this.#events.failed(url, sentence(error));
    }
  }
}
