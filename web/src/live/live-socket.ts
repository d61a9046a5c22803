/**
 * The connection to `WS /api/v1/live`. It subscribes again after each reconnect, and takes a hub that
 * has been silent for 5 s for gone: a status comes every second, and TCP may take minutes to notice.
 */
import type { LiveMessage, Subscribe } from '../../../server/wire/live.ts';
import { backOff } from './back-off.ts';
import { readMessage } from './message.ts';
import { type ReadSignal, Signal } from './signal.ts';

const SILENCE_MS = 5000;

export interface Connection {
  isOpen: boolean;
  /** Unix ms of the last message, null before the first. */
  heardAt: number | null;
  /** Unix ms of the next attempt, null while one is under way. */
  retryAt: number | null;
}

export class LiveSocket {
  readonly #url: string;
  readonly #receive: (message: LiveMessage) => void;
  readonly #connection = new Signal<Connection>({ isOpen: false, heardAt: null, retryAt: null });
  #socket: WebSocket | null = null;
  #wanted: Subscribe = { type: 'subscribe' };
  #attempt = 0;
  #heardAt: number | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, receive: (message: LiveMessage) => void) {
    this.#url = url;
    this.#receive = receive;
  }

  get connection(): ReadSignal<Connection> {
    return this.#connection;
  }

  /** Connects at once, also when the next attempt is due only later. */
  connect(): void {
    this.close();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#connection.set({ isOpen: false, heardAt: this.#heardAt, retryAt: null });
    this.#expectNews();
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) {
        socket.close();
        return;
      }
      this.#attempt = 0;
      this.#expectNews();
      this.#connection.set({ isOpen: true, heardAt: this.#heardAt, retryAt: null });
      socket.send(JSON.stringify(this.#wanted));
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (socket !== this.#socket || typeof event.data !== 'string') return;
      const message = readMessage(event.data);
      if (message === null) return;
      this.#heardAt = Date.now();
      this.#expectNews();
      this.#receive(message);
    });
    socket.addEventListener('close', () => {
      if (socket === this.#socket) this.#tryLater();
    });
  }

  /** Replaces the parts that are named; sent now, and again after each reconnect. */
  subscribe(change: Omit<Subscribe, 'type'>): void {
    this.#wanted = { ...this.#wanted, ...change };
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: 'subscribe', ...change } satisfies Subscribe));
    }
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    // Browsers complain about one that is closed before it is open: that one closes itself as soon as it is.
    if (socket?.readyState !== WebSocket.CONNECTING) socket?.close();
  }

  #expectNews(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#tryLater(), SILENCE_MS);
  }

  #tryLater(): void {
    this.close();
    const wait = backOff(this.#attempt++, Math.random());
    this.#retry = setTimeout(() => this.connect(), wait);
    this.#connection.set({ isOpen: false, heardAt: this.#heardAt, retryAt: Date.now() + wait });
  }
}

/** The live address of the hub that served the page. */
export function liveUrl(location: Pick<Location, 'protocol' | 'host'>): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`;
}
