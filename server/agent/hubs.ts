/**
 * All hubs of the agent. Each gets everything, from its own place in the outbox; exactly one of those that listen archives
 * the session. When that one is gone another is told to, and begins after what is held for good.
 */
import type { Archive, Dictionary, Hello } from '../wire/agent.ts';
import type { L7Report } from '../wire/l7.ts';
import { type HubAddress, HubAddresses, type Lookup } from './hub-addresses.ts';
import { type AgentCounters, HubConnection } from './hub-connection.ts';
import type { HubSecurity } from './hub-security.ts';
import type { Outbox } from './outbox.ts';

export interface HubsEvents {
  /** A hub listens; what is sent now arrives after the dictionary. */
  connected(address: HubAddress, hub: string): void;
  /** A connection is gone, or could not be made; told once per outage. */
  disconnected(where: string, reason: string): void;
}

export interface HubsOptions {
  /** Such as `ws://127.0.0.1:12000`; a name may stand for several hubs. */
  urls: readonly string[];
  /** Neither token nor certificates of one's own, if left out. */
  security?: HubSecurity;
  hello: Hello;
  outbox: Outbox;
  /** The agent's whole dictionary. */
  snapshot: () => Dictionary;
  events: HubsEvents;
  /** Another look-up of names than the system's. */
  lookup?: Lookup;
}

const PLAIN: HubSecurity = { tokenFile: undefined, caFile: undefined };

export class Hubs implements Disposable {
  readonly #options: HubsOptions;
  readonly #addresses: HubAddresses;
  readonly #connections = new Map<string, HubConnection>();
  /** Keys of the addresses that the names stand for now. */
  #wanted = new Set<string>();
  /** Who archives, and up to where the session is held for good; nobody before a hub that can was there. */
  #archive: Archive = { hub: '', durable: 0 };

  constructor(options: HubsOptions) {
    this.#options = options;
    const { urls, events, lookup } = options;
    this.#addresses = new HubAddresses(
      urls,
      {
        found: (addresses) => this.#follow(addresses),
        failed: (url, reason) => events.disconnected(url, reason),
      },
      lookup,
    );
  }

  /** Hubs that listen. */
  get connected(): number {
    let count = 0;
    for (const { welcome } of this.#connections.values()) if (welcome !== null) count += 1;
    return count;
  }

  /** The session's archive as the hubs were told. */
  get archive(): Archive {
    return this.#archive;
  }

  sendDictionary(change: Dictionary): void {
    for (const it of this.#connections.values()) it.sendDictionary(change);
  }

  sendCounters(counters: AgentCounters): void {
    for (const it of this.#connections.values()) it.sendCounters(counters);
  }

  sendL7(report: L7Report): void {
    for (const it of this.#connections.values()) it.sendL7(report);
  }

  /** Sends what is new in the outbox. */
  sendBatches(): void {
    for (const it of this.#connections.values()) it.sendBatches();
  }

  /** Waits at most `ms` until everything is handed over, then closes. */
  async close(ms: number): Promise<void> {
    this.#addresses[Symbol.dispose]();
    await Promise.all([...this.#connections.values()].map((it) => it.close(ms)));
  }

  [Symbol.dispose](): void {
    this.#addresses[Symbol.dispose]();
    for (const it of this.#connections.values()) it[Symbol.dispose]();
  }

  #follow(addresses: readonly HubAddress[]): void {
    this.#wanted = new Set(addresses.map(keyOf));
    for (const address of addresses) {
      const key = keyOf(address);
      if (!this.#connections.has(key)) this.#connections.set(key, this.#connect(address));
    }
    // One that is connected is alive, whatever the name says of it: it goes when it disconnects.
    for (const [key, connection] of this.#connections) if (connection.welcome === null) this.#forgetUnwanted(key);
  }

  #connect(address: HubAddress): HubConnection {
    const { hello, outbox, snapshot, events, security = PLAIN } = this.#options;
    const key = keyOf(address);
    const connection: HubConnection = new HubConnection(address, security, hello, outbox.open(), snapshot, {
      welcomed: () => {
        this.#settleArchive();
        return this.#archive;
      },
      connected: () => {
        events.connected(address, connection.welcome?.hub ?? '');
      },
      disconnected: (reason) => {
        if (reason !== null) events.disconnected(key, reason);
        this.#settleArchive();
        this.sendBatches();
        this.#forgetUnwanted(key);
      },
      durable: () => this.#settleArchive(),
      isElsewhere: (hub) => [...this.#connections.values()].some((it) => it !== connection && it.welcome?.hub === hub),
    });
    return connection;
  }

  #forgetUnwanted(key: string): void {
    if (this.#wanted.has(key)) return;
    this.#connections.get(key)?.[Symbol.dispose]();
    this.#connections.delete(key);
  }

  /** One hub archives as long as it is there. Tells all of them what has changed. */
  #settleArchive(): void {
    const able = [...this.#connections.values()].filter((it) => it.welcome?.archives === true);
    const current = able.find((it) => it.welcome?.hub === this.#archive.hub);
    const hub = (current ?? able[0])?.welcome?.hub ?? this.#archive.hub;
    const durable = Math.max(this.#archive.durable, current?.durable ?? 0);
    const isMoved = hub !== this.#archive.hub;
    if (!isMoved && durable === this.#archive.durable) return;
    this.#archive = { hub, durable };
    for (const it of this.#connections.values()) {
      it.sendArchive(this.#archive);
      if (isMoved && it.welcome?.hub === hub) it.goBack(durable);
    }
  }
}

/** `ws://hub:12000 at 10.1.0.7`. */
function keyOf({ url, ip }: HubAddress): string {
  return `${url} at ${ip}`;
}
