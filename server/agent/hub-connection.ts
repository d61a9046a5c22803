/**
 * The agent's connection to its hub: one WebSocket, opened again with growing pauses for as long as the
 * agent lives. After each hello the hub says which batch it holds last; the outbox gives the rest.
 */
import { pack, unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { type Counters, type Dictionary, type Hello, KIND, type Welcome } from '../wire/agent.ts';
import type { L7Report } from '../wire/l7.ts';
import { dictionaryParts } from '../flows/dictionary-parts.ts';
import { reportParts } from '../flows/l7/report-parts.ts';
import type { Batch, Outbox } from './outbox.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Bytes handed to the socket and not yet sent, beyond which batches wait in the outbox. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
/** A hub sends nothing larger than a welcome. */
const MAX_HUB_MESSAGE = 64 * 1024;
const RESUME_CHECK_MS = 20;
/** A hub pings every 15 s; one that is silent for so long is gone, whatever TCP believes. */
const SILENCE_MS = 45_000;

const welcomeShape = z.object({ hub: z.string().max(128), last_batch: z.number().int().nonnegative() });
const number = z.number().int().nonnegative();
const ackShape = z.object({ received: number, batch: number });

export interface HubConnectionEvents {
  /** The hub has said welcome; what is sent now arrives after the dictionary. */
  connected(hub: string): void;
  /** The connection is gone, or could not be made. Told once per outage. */
  disconnected(reason: string): void;
}

export class HubConnection implements Disposable {
  readonly #url: string;
  readonly #hello: Hello;
  readonly #outbox: Outbox;
  readonly #snapshot: () => Dictionary;
  readonly #events: HubConnectionEvents;
  #socket: WebSocket | undefined;
  #welcomed = false;
  /** Number of the last batch handed to the socket. */
  #sent = 0;
  #pause = FIRST_PAUSE_MS;
  #toldOutage = false;
  #timer: NodeJS.Timeout | undefined;
  #resume: NodeJS.Timeout | undefined;
  #closed = false;

  /** `url`: the hub, such as `ws://127.0.0.1:12000`. */
  constructor(url: string, hello: Hello, outbox: Outbox, snapshot: () => Dictionary, events: HubConnectionEvents) {
    this.#url = `${url.replace(/\/$/, '')}/api/v1/agents`;
    this.#hello = hello;
    this.#outbox = outbox;
    this.#snapshot = snapshot;
    this.#events = events;
    this.#connect();
  }

  /** Whether a hub is listening. */
  get connected(): boolean {
    return this.#welcomed;
  }

  sendDictionary(change: Dictionary): void {
    if (!this.#welcomed) return;
    for (const part of dictionaryParts(change)) this.#control(KIND.dictionary, part);
  }

  sendCounters(counters: Counters): void {
    if (this.#welcomed) this.#control(KIND.counters, counters);
  }

  sendL7(report: L7Report): void {
    if (!this.#welcomed) return;
    for (const part of reportParts(report)) this.#control(KIND.l7, part);
  }

  /** Sends the batch now if the socket keeps up; otherwise it goes from the outbox later. */
  sendBatch(batch: Batch): void {
    if (!this.#welcomed || this.#sent !== batch.number - 1) return;
    this.#push(batch);
  }

  /** Waits at most `ms` for the hub to acknowledge everything, then closes. */
  async close(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (this.#welcomed && this.#sent < this.#outbox.newest && Date.now() < deadline) {
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
    clearTimeout(this.#timer);
    clearTimeout(this.#resume);
    this.#socket?.terminate();
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, {
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
      reason = error.message;
    });
    socket.on('close', (code, text) => {
      clearTimeout(silence);
      this.#welcomed = false;
      if (this.#closed) return;
      if (!this.#toldOutage) {
        this.#toldOutage = true;
        this.#events.disconnected(
          reason || `closed by the hub (${code}${text.length > 0 ? `, ${text.toString()}` : ''})`,
        );
      }
      this.#timer = setTimeout(() => this.#connect(), this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    });
  }

  #receive(socket: WebSocket, data: Buffer): void {
    try {
      const message: unknown = unpack(data.subarray(1));
      switch (data[0] ?? 0) {
        case KIND.welcome:
          this.#welcome(welcomeShape.parse(message));
          return;
        case KIND.ack:
          this.#outbox.received(ackShape.parse(message).received);
          return;
        default:
          throw new Error(`unknown message kind ${data[0]}`);
      }
    } catch (error) {
      socket.close(1002, 'malformed message');
      this.#events.disconnected(
        `the hub sent a malformed message: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #welcome(welcome: Welcome): void {
    this.#welcomed = true;
    this.#toldOutage = false;
    this.#pause = FIRST_PAUSE_MS;
    this.sendDictionary(this.#snapshot());
    this.#sent = welcome.last_batch;
    this.#pushKept();
    this.#events.connected(welcome.hub);
  }

  #push(batch: Batch): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (socket.bufferedAmount > IN_FLIGHT_BYTES) {
      this.#resume ??= setTimeout(() => {
        this.#resume = undefined;
        if (this.#welcomed) this.#pushKept();
      }, RESUME_CHECK_MS);
      return;
    }
    socket.send(batch.bytes);
    this.#sent = batch.number;
  }

  #pushKept(): void {
    for (const batch of this.#outbox.after(this.#sent)) {
      const before = this.#sent;
      this.#push(batch);
      if (this.#sent === before) return;
    }
  }

  #control(kind: number, message: object): void {
    this.#socket?.send(Buffer.concat([Buffer.of(kind), pack(message)]));
  }
}
