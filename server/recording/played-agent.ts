/** One agent of a recording on a hub: the agent protocol, from hello to the last acknowledgment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { KIND } from '../wire/agent.ts';
import type { HubCredentials } from './hub-credentials.ts';
import { batchNumber } from './played-message.ts';

/** Bytes handed to the socket and not yet sent, beyond which the player waits. */
const MAX_UNSENT = 4 * 1024 * 1024;
const MAX_HUB_MESSAGE = 64 * 1024;
const WAIT_MS = 5;
/** A hub acknowledges within a tenth of a second. */
const FINISH_MS = 10_000;

const ack = z.object({ received: z.number() });

export class PlayedAgent {
  readonly node: string;
  readonly #socket: WebSocket;
  readonly #onLost: (failure: Failure) => void;
  #sent = 0;
  #received = 0;
  #isClosing = false;

  private constructor(node: string, socket: WebSocket, onLost: (failure: Failure) => void) {
    this.node = node;
    this.#socket = socket;
    this.#onLost = onLost;
    socket.on('message', (data) => this.#receive(data as Buffer));
  }

  /** Connects and says hello; resolves when the hub has said welcome. `onLost` hears of a hub that ends the connection. */
  static async connect(
    hub: string,
    credentials: HubCredentials,
    node: string,
    hello: Buffer,
    onLost: (failure: Failure) => void,
    signal: AbortSignal,
  ): Promise<PlayedAgent> {
    const url = `${hub.replace(/^http/, 'ws').replace(/\/+$/, '')}/api/v1/agents`;
    const socket = new WebSocket(url, {
      ...credentials,
      perMessageDeflate: false,
      maxPayload: MAX_HUB_MESSAGE,
      handshakeTimeout: 5000,
    });
    const agent = new PlayedAgent(node, socket, onLost);
    const stop = (): void => socket.terminate();
    signal.addEventListener('abort', stop, { once: true });
    await new Promise<void>((resolve, reject) => {
      let why = '';
      socket.on('open', () => socket.send(hello));
      socket.once('message', () => resolve());
      socket.on('error', (error) => (why = error.message));
      socket.on('close', (code, reason) => {
        signal.removeEventListener('abort', stop);
        why ||= `closed with ${code}${reason.length > 0 ? `, ${reason.toString()}` : ''}`;
        const failure = new Failure(`the hub does not take node ${node} of the recording: ${why}`);
        reject(failure);
        agent.#closed(failure);
      });
    });
    return agent;
  }

  /** Sends a message; resolves when there is room for the next. */
  async send(message: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#socket.send(message);
    this.#sent = Math.max(this.#sent, batchNumber(message));
    while (this.#socket.bufferedAmount > MAX_UNSENT) await sleep(WAIT_MS, undefined, { signal });
  }

  /** Waits until the hub has all batches, then closes. */
  async finish(signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + FINISH_MS;
    while (this.#received < this.#sent && this.#socket.readyState === WebSocket.OPEN) {
      if (Date.now() > deadline) throw new Failure(`the hub has not acknowledged all of node ${this.node}`);
      await sleep(WAIT_MS, undefined, { signal });
    }
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => {
      if (this.#socket.readyState === WebSocket.CLOSED) resolve();
      else this.#socket.once('close', () => resolve());
    });
    this.#socket.close(1000, 'the recording ends');
    await closed;
  }

  abandon(): void {
    this.#isClosing = true;
    this.#socket.terminate();
  }

  #receive(data: Buffer): void {
    if (data[0] !== KIND.ack) return;
    const message = ack.safeParse(unpack(data.subarray(1)));
    if (message.success) this.#received = Math.max(this.#received, message.data.received);
  }

  #closed(failure: Failure): void {
    if (!this.#isClosing) this.#onLost(failure);
  }
}
