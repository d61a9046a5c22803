/**
 * The agent's connection to one hub: a WebSocket, opened again with growing pauses for as long as the agent lives or the
 * hub's address is known. After each hello the hub says which batch it holds last; the outbox gives the rest.
 */
import type { LookupFunction } from 'node:net';
import { pack, unpack } from 'msgpackr';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  type Archive,
  type Counters,
  type Dictionary,
  type Hello,
  KIND,
  type RecordCounts,
  type Welcome,
} from '../wire/agent.ts';
import type { L7Report } from '../wire/l7.ts';
import { dictionaryParts } from '../flows/dictionary-parts.ts';
import { reportParts } from '../flows/l7/report-parts.ts';
import { sentence } from '../base/failure.ts';
import { connectOptions, type HubSecurity } from './hub-security.ts';
import type { HubAddress } from './hub-addresses.ts';
import type { Batch, OutboxPlace } from './outbox.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Bytes handed to the socket and not yet sent, beyond which batches wait in the outbox. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
/** A hub sends nothing larger than a welcome. */
const MAX_HUB_MESSAGE = 64 * 1024;
const RESUME_CHECK_MS = 20;
/** A hub pings every 15 s; one that is silent for so long is gone, whatever TCP believes. */
const SILENCE_MS = 45_000;
/** The hub has a newer connection of this node. */
const CLOSE_REPLACED = 4001;

const number = z.number().int().nonnegative();
const welcomeShape = z.object({
  hub: z.string().max(128),
  last_batch: number,
  last_record: number,
  missing_records: number,
  archives: z.boolean(),
});
const ackShape = z.object({ received: number, batch: number });

/** Counters as the agent reads them; each hub's connection adds what is its own. */
export interface AgentCounters extends Omit<Counters, 'records'> {
  records: Omit<RecordCounts, 'waiting' | 'skipped' | 'handed'> & {
    /** Not in a batch yet. */
    unbatched: number;
  };
}

export interface HubConnectionEvents {
  /** Who archives, now that this hub listens; told to it first of all. */
  welcomed(): Archive;
  /** Afterwards; what is sent now arrives after the dictionary. */
  connected(): void;
  /** The connection is gone, or could not be made. `reason` is told once per outage, null else. */
  disconnected(reason: string | null): void;
  /** The hub holds further batches for good. */
  durable(): void;
  /** Whether another connection leads to the hub with this id: two addresses of one hub need one connection. */
  isElsewhere(hub: string): boolean;
}

export class HubConnection implements Disposable {
  readonly address: HubAddress;
  readonly #security: HubSecurity;
  readonly #hello: Hello;
  readonly #place: OutboxPlace;
  readonly #snapshot: () => Dictionary;
  readonly #events: HubConnectionEvents;
  #socket: WebSocket | undefined;
  /** Null until it is there, and after it has gone. */
  #welcome: Welcome | null = null;
  #lastHub = '';
  #durable = 0;
  #pause = FIRST_PAUSE_MS;
  #toldOutage = false;
  #timer: NodeJS.Timeout | undefined;
  #resume: NodeJS.Timeout | undefined;
  #closed = false;

  /** Belongs to it from now on: `place`. */
  constructor(
    address: HubAddress,
    security: HubSecurity,
    hello: Hello,
    place: OutboxPlace,
    snapshot: () => Dictionary,
    events: HubConnectionEvents,
  ) {
    this.address = address;
    this.#security = security;
    this.#hello = hello;
    this.#place = place;
    this.#snapshot = snapshot;
    this.#events = events;
    this.#connect();
  }

  /** What the hub said of itself, null while none is listening. */
  get welcome(): Welcome | null {
    return this.#welcome;
  }

  /** Greatest batch that this hub said to hold for good. */
  get durable(): number {
    return this.#durable;
  }

  sendArchive(archive: Archive): void {
    if (this.#welcome !== null) this.#control(KIND.archive, archive);
  }

  /** From now on this hub archives: `sendBatches` begins with what is after batch `number`, sent before or not. */
  goBack(number: number): void {
    this.#place.again(number);
  }

  sendDictionary(change: Dictionary): void {
    if (this.#welcome === null) return;
    for (const part of dictionaryParts(change)) this.#control(KIND.dictionary, part);
  }

  sendCounters({ records, ...counters }: AgentCounters): void {
    if (this.#welcome === null) return;
    const { unbatched, ...counts } = records;
    const { waiting, skipped, handed } = this.#place;
    this.#control(KIND.counters, {
      ...counters,
      records: { ...counts, waiting: unbatched + waiting, skipped, handed },
    } satisfies Counters);
  }

  sendL7(report: L7Report): void {
    if (this.#welcome === null) return;
    for (const part of reportParts(report)) this.#control(KIND.l7, part);
  }

  /** Sends what is new in the outbox, as far as the socket keeps up; the rest goes later. */
  sendBatches(): void {
    if (this.#welcome === null || this.#resume !== undefined) return;
    for (let batch = this.#place.next(); batch !== undefined; batch = this.#place.next()) {
      if (!this.#push(batch)) return;
    }
  }

  /** Waits at most `ms` until everything is handed over, then closes. */
  async close(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (this.#welcome !== null && !this.#place.isAtEnd && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const socket = this.#socket;
    if (socket !== undefined && socket.readyState === WebSocket.OPEN) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(50, deadline - Date.now()));
        socket.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        socket.close(1000, 'agent stops');
      });
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#welcome = null;
    this.#place.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#resume);
    this.#socket?.terminate();
  }

  #connect(): void {
    let secured: ClientOptions;
    try {
      secured = connectOptions(this.#security);
    } catch (error) {
      this.#tell(sentence(error));
      this.#later(null);
      return;
    }
    const { url, ip, family } = this.address;
    // The name stays that of the URL, for the hub's check and for its certificate; only the look-up is done already.
    const lookup: LookupFunction = (_name, { all }, done) =>
      all === true ? done(null, [{ address: ip, family }]) : done(null, ip, family);
    const socket = new WebSocket(`${url.replace(/\/$/, '')}/api/v1/agents`, {
      ...secured,
      lookup,
      perMessageDeflate: false,
      maxPayload: MAX_HUB_MESSAGE,
      handshakeTimeout: 5000,
    });
    this.#socket = socket;
    let reason = '';
    const silence = setTimeout(() => {
      reason = `the hub has said nothing for ${SILENCE_MS / 1000} s`;
      socket.terminate();
    }, SILENCE_MS);
    socket.on('open', () => this.#control(KIND.hello, this.#hello));
    socket.on('ping', () => silence.refresh());
    socket.on('message', (data) => {
      silence.refresh();
      this.#receive(socket, data as Buffer);
    });
    socket.on('error', (error) => {
      reason = reasonOf(error);
    });
    socket.on('close', (code, text) => {
      clearTimeout(silence);
      this.#welcome = null;
      if (this.#closed) return;
      const words = reason || `closed by the hub (${code}${text.length > 0 ? `, ${text.toString()}` : ''})`;
      // Perhaps by ourselves, by another of its addresses; that connection's welcome may be on its way.
      if (code === CLOSE_REPLACED) this.#events.disconnected(null);
      else this.#tell(words);
      this.#later(code === CLOSE_REPLACED ? words : null);
    });
  }

  #later(unsaid: string | null): void {
    // Whoever heard of the end may have ended it for good.
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
      if (this.#lastHub !== '' && this.#events.isElsewhere(this.#lastHub)) {
        this.#later(null);
        return;
      }
      if (unsaid !== null) this.#tell(unsaid);
      this.#connect();
    }, this.#pause);
  }

  #tell(reason: string): void {
    this.#events.disconnected(this.#toldOutage ? null : reason);
    this.#toldOutage = true;
  }

  #receive(socket: WebSocket, data: Buffer): void {
    try {
      const message: unknown = unpack(data.subarray(1));
      switch (data[0] ?? 0) {
        case KIND.welcome:
          this.#begin(welcomeShape.parse(message));
          return;
        case KIND.ack: {
          const ack = ackShape.parse(message);
          this.#place.received(ack.received);
          this.#durable = Math.max(this.#durable, ack.batch);
          this.#events.durable();
          return;
        }
        default:
          throw new Error(`unknown message kind ${data[0]}`);
      }
    } catch (error) {
      socket.close(1002, 'malformed message');
      this.#tell(`the hub sent a malformed message: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #begin(welcome: Welcome): void {
    const former = this.#lastHub;
    this.#welcome = welcome;
    this.#lastHub = welcome.hub;
    this.#toldOutage = false;
    this.#pause = FIRST_PAUSE_MS;
    this.#durable = 0;
    const { last_batch: batch, last_record: records, missing_records: missing } = welcome;
    this.#place.begin({ batch, records, missing }, welcome.hub === former);
    this.sendArchive(this.#events.welcomed());
    this.sendDictionary(this.#snapshot());
    this.sendBatches();
    this.#events.connected();
  }

  /** @returns false if the socket has enough for now. */
  #push(batch: Batch): boolean {
    const socket = this.#socket;
    if (socket === undefined) return false;
    if (socket.bufferedAmount > IN_FLIGHT_BYTES) {
      this.#resume ??= setTimeout(() => {
        this.#resume = undefined;
        this.sendBatches();
      }, RESUME_CHECK_MS);
      return false;
    }
    socket.send(batch.bytes);
    this.#place.advance(batch);
    return true;
  }

  #control(kind: number, message: object): void {
    this.#socket?.send(Buffer.concat([Buffer.of(kind), pack(message)]));
  }
}

/** What the library says of a refusal, in words. */
function reasonOf({ message }: Error): string {
  if (message.endsWith(' 401')) return 'the hub does not take the token of this agent; see --agent-token-file';
  return message;
}
