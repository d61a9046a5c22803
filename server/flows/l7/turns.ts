/**
 * What parsers share whose protocols answer requests in their order: which answer belongs to which request, and how to
 * find the place again after bytes that were not captured.
 *
 * The two sides take turns, and the capture has the beginning of each turn. So a side whose place is lost is found again
 * where its next turn begins; what waits for an answer from before that is given up. While requests are missing from a
 * turn its answers cannot be told apart, so they are left alone until the client's next turn.
 */
import type { MessageSink, Parser } from './parser.ts';
import { PendingQueue } from './pending.ts';

/** One direction of a connection. */
export interface Lane {
  /** Its place in the stream is not known; it is fed no more until `reset`. */
  isLost: boolean;
  readonly bytes: number;
  data(bytes: Buffer, timeNs: number): void;
  /** Tells what it holds: no more of it was captured. */
  finish(): void;
  /** Passes over bytes that were not captured; false if it does not know where it is then. */
  skip(length: number): boolean;
  /** A message begins with the next byte. */
  reset(): void;
}

/** Who is told of bytes that are no message. */
export interface LaneOwner {
  broken(lane: Lane): void;
}

/** What is known of a request until its answer comes. */
export interface Pending {
  startNs: number;
  route: string;
  /** Its events are wanted. */
  isWanted: boolean;
}

export abstract class TurnParser<T extends Pending> implements Parser, LaneOwner {
  protected readonly sink: MessageSink;
  protected abstract readonly client: Lane;
  protected abstract readonly server: Lane;
  protected readonly pending = new PendingQueue<T>();
  /** The rest of the connection is nothing that can be read. */
  #isStopped = false;
  #lastFromClient: boolean | null = null;
  /** No request is missing from the client's turn. */
  #isAligned = true;
  /** Requests that waited already when the client's turn began. */
  #older = 0;

  constructor(sink: MessageSink) {
    this.sink = sink;
  }

  get bytes(): number {
    return this.client.bytes + this.server.bytes + this.pending.bytes + this.extraBytes();
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    if (this.#isStopped) return;
    const isTurn = this.#lastFromClient !== fromClient;
    this.#lastFromClient = fromClient;
    if (isTurn) (fromClient ? this.server : this.client).finish();
    if (fromClient && isTurn) this.#beginTurn(bytes);
    const lane = fromClient ? this.client : this.server;
    if (!lane.isLost) lane.data(bytes, timeNs);
    else if (!fromClient) this.lostAnswer(bytes, timeNs);
    else if (this.isHead(bytes)) {
      lane.reset();
      lane.data(bytes, timeNs);
    }
  }

  skip(fromClient: boolean, length: number): void {
    if (this.#isStopped) return;
    const lane = fromClient ? this.client : this.server;
    if (lane.isLost || lane.skip(length)) return;
    if (fromClient) this.sink.gap();
    if (this.#lastFromClient === fromClient) {
      lane.isLost = true;
      if (fromClient) this.#isAligned = false;
      return;
    }
    // The other side spoke since: these bytes were of the turn before, and a new one begins with what comes next.
    lane.reset();
    if (!fromClient) this.giveUp(this.#older);
  }

  broken(lane: Lane): void {
    this.sink.malformed();
    lane.isLost = true;
    if (lane === this.client) this.#isAligned = false;
  }

  /** Remembers a request until its answer comes; `textLength` are the characters of the texts it holds. */
  protected expect(entry: T, textLength: number): void {
    if (!this.#isAligned || this.pending.push(entry, textLength)) return;
    // More than can be remembered: as if they had not been captured.
    this.giveUp(this.pending.length);
    this.#isAligned = false;
  }

  /** Nothing of the rest of the connection is looked at. */
  protected stop(): void {
    this.#isStopped = true;
    for (const lane of [this.client, this.server]) {
      lane.reset();
      lane.isLost = true;
    }
    this.pending.clear();
  }

  /** Bytes of the client whose place was lost: whether a request begins with them. */
  protected abstract isHead(bytes: Buffer): boolean;

  /** What a parser keeps beside lanes and requests, bytes. */
  protected extraBytes(): number {
    return 0;
  }

  /** Bytes of the server whose place was lost, within its turn. */
  protected lostAnswer(_bytes: Buffer, _timeNs: number): void {}

  #beginTurn(bytes: Buffer): void {
    if (!this.#isAligned || this.server.isLost) {
      this.giveUp(this.pending.length);
      this.server.reset();
      this.#isAligned = !this.client.isLost || this.isHead(bytes);
    }
    this.#older = this.pending.length;
  }

  /** Forgets the oldest requests: their answers were not captured. */
  protected giveUp(count: number): void {
    if (count > 0 && this.pending.length > 0) this.sink.gap();
    for (let n = 0; n < count && this.pending.length > 0; n += 1) this.pending.shift();
  }
}
