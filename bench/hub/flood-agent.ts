/** An agent without a kernel: sends prebuilt batches as fast as the hub acknowledges them. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { type Ack, KIND, type Welcome } from '../../server/wire/agent.ts';
import { batch, dictionary, hello, stamp } from './records.ts';

/** Records in a batch: near 256 KiB. */
export const BATCH_RECORDS = 1600;
/** Different batches that are sent in turn. */
const VARIETY = 256;
/**
 * Batches on their way at any time: more than the hub collects before it acknowledges, so that it never waits for the
 * sender. Of those to be stored fewer, so that none is given up for want of room.
 */
const WINDOW = { received: 192, batch: 96 } as const;

export class FloodAgent {
  readonly #socket: WebSocket;
  /** What counts as done: in memory, or held for good. */
  readonly #until: keyof Ack;
  readonly #batches = Array.from({ length: VARIETY }, (_, i) => batch(BATCH_RECORDS, i));
  #sent = 0;
  #acknowledged = 0;
  #onAck: () => void = () => undefined;

  private constructor(socket: WebSocket, until: keyof Ack) {
    this.#socket = socket;
    this.#until = until;
  }

  /** Connects to the hub at `address`, says hello and sends the dictionary. */
  static async connect(address: string, node: string, until: keyof Ack): Promise<FloodAgent> {
    const socket = new WebSocket(`ws://${address}/api/v1/agents`, { perMessageDeflate: false });
    await once(socket, 'open');
    const agent = new FloodAgent(socket, until);
    const welcomed = new Promise<Welcome>((resolve, reject) => {
      socket.on('message', (data: Buffer) => {
        if (data[0] === KIND.welcome) resolve(unpack(data.subarray(1)) as Welcome);
        else if (data[0] === KIND.ack) agent.#acknowledge(unpack(data.subarray(1)) as Ack);
      });
      socket.once('close', (code, reason) => {
        reject(new Error(`The hub closed the connection: ${code} ${reason.toString()}`));
        agent.#onAck();
      });
    });
    socket.send(hello(node, randomUUID()));
    await welcomed;
    socket.send(dictionary());
    return agent;
  }

  #acknowledge(ack: Ack): void {
    this.#acknowledged = ack[this.#until];
    this.#onAck();
  }

  /** Sends for `milliseconds` and waits until all is acknowledged. Returns records and time, both measured here. */
  async flood(milliseconds: number): Promise<{ records: number; seconds: number }> {
    const first = this.#sent;
    const begin = performance.now();
    while (performance.now() - begin < milliseconds) {
      if (this.#sent - this.#acknowledged >= WINDOW[this.#until]) {
        await this.#nextAck();
        continue;
      }
      const message = this.#batches[this.#sent % VARIETY];
      if (!message) throw new Error('No batches were built.');
      this.#sent++;
      stamp(message, this.#sent);
      // The socket may keep a reference: a batch is written again only after it was acknowledged, as the window is smaller than VARIETY.
      this.#socket.send(message);
    }
    while (this.#acknowledged < this.#sent) await this.#nextAck();
    return { records: (this.#sent - first) * BATCH_RECORDS, seconds: (performance.now() - begin) / 1000 };
  }

  async #nextAck(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onAck = resolve;
    });
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error('The hub closed the connection under load.');
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}
