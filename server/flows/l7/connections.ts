/**
 * The connections whose messages are read. Captures come out of their ring one by one; this finds each one's connection and
 * direction, puts the bytes in order (what was seen before is left out, what is missing becomes a skip), and feeds the
 * connection's parser. What is remembered of them is bounded by connection-room.ts.
 */
import type { RecordSink } from '../../base/record-sink.ts';
import type { L7Report } from '../../wire/l7.ts';
import { L7_MODE } from '../../wire/lists.gen.ts';
import { CAPTURE_FLAG_END, CAPTURE_FLAG_FIRST, CAPTURE_FLAG_UDP } from '../../wire/record-layout.gen.ts';
import { ByteOrder } from './byte-order.ts';
import { AT, idOf, isReplyAt, timeOf } from './capture-fields.ts';
import { type Connection, ConnectionRoom } from './connection-room.ts';
import { CaptureSink, serviceKey, type TakeEvent } from './message-sink.ts';
import type { Parser, ParserFactory } from './parser.ts';
import { parserFactory } from './protocols.ts';

export interface ConnectionsOptions {
  /** Takes the events. */
  take: TakeEvent;
  /** Told once of each protocol whose parser fails: a fault of this program. */
  onFault: (protocol: number, error: unknown) => void;
  /** What makes parsers; the product's own by default. */
  factory?: (protocol: number, isDatagram: boolean) => ParserFactory | undefined;
}

export class Connections implements RecordSink {
  readonly #sink: CaptureSink;
  readonly #onFault: ConnectionsOptions['onFault'];
  readonly #factory: (protocol: number, isDatagram: boolean) => ParserFactory | undefined;
  readonly #room = new ConnectionRoom();
  readonly #toldFaults = new Set<number>();
  #words: Int32Array | undefined;
  #ring: Buffer = Buffer.alloc(0);
  #faults = 0;
  #captures = 0;

  constructor({ take, onFault, factory = parserFactory }: ConnectionsOptions) {
    this.#sink = new CaptureSink(take);
    this.#onFault = onFault;
    this.#factory = factory;
  }

  /** Connections known now. */
  get size(): number {
    return this.#room.size;
  }

  /** Bytes they take now. */
  get bytes(): number {
    return this.#room.bytes;
  }

  /** Captures taken so far. */
  get captures(): number {
    return this.#captures;
  }

  /** Connections given up because their parser failed. */
  get faults(): number {
    return this.#faults;
  }

  /** Cumulative; the ring's own are the kernel's to tell. */
  get losses(): Omit<L7Report['losses'], 'ring'> {
    const { gaps, malformedMessages, unsent } = this.#sink;
    return { gaps, malformed: malformedMessages, unsent, evicted: this.#room.evicted };
  }

  /** See CaptureSink.report. */
  report(all: boolean, nowMs: number): Pick<L7Report, 'series' | 'names'> {
    return this.#sink.report(all, nowMs);
  }

  /** Lets only this part of EVENTS_PER_SECOND be sent from now on, 0 to 1. */
  limitEvents(part: number): void {
    this.#sink.limit.part = part;
  }

  take(words: Int32Array, at: number, bytes: number): boolean {
    if (words !== this.#words) {
      this.#words = words;
      this.#ring = Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength);
    }
    this.#captures++;
    const ring = this.#ring;
    const base = at * 4;
    const captured = (ring[base + AT.captured] as number) | ((ring[base + AT.captured + 1] as number) << 8);
    const key = idOf(words, at);
    // What the programs wrote is right; what they did not write is no capture.
    if (key === 0 || AT.payload + captured > bytes) return true;
    const flags = ring[base + AT.captureFlags] as number;
    let connection = this.#room.get(key);
    if ((flags & CAPTURE_FLAG_END) !== 0) {
      if (connection !== undefined) this.#end(connection, at, base);
      return true;
    }
    const protocol = ring[base + AT.protocol] as number;
    const isReply = isReplyAt(ring, base);
    if (connection !== undefined && connection.mode !== ring[base + AT.mode]) {
      // A pod's annotation has changed: what was kept by the former rule must not be shown by it any more.
      this.#room.remove(connection);
      connection = undefined;
    }
    if (connection === undefined) {
      connection = this.#add(key, protocol, base, isReply);
      if (connection === undefined) return true;
    } else if (connection.protocol !== protocol) {
      this.#change(connection, protocol, base);
    }
    const timeNs = timeOf(words, at);
    connection.isRecent = true;
    connection.lastNs = timeNs;
    this.#sink.begin(ring, base, timeNs, connection);
    const isDatagram = (flags & CAPTURE_FLAG_UDP) !== 0;
    const sequence = words[at + AT.sequenceWord] as number;
    const length = (words[at + AT.lengthWord] as number) >>> 0;
    try {
      if (isDatagram) this.#datagram(connection, !isReply, base, captured, length, timeNs);
      else this.#segment(connection, !isReply, base, captured, sequence, length, flags, timeNs);
    } catch (error) {
      this.#fault(connection, error);
      return true;
    }
    // Nothing tells the end of such a connection; when all is answered, there is nothing to remember.
    if (isDatagram && connection.parser.bytes === 0) this.#room.remove(connection);
    else this.#room.count(connection);
    return true;
  }

  #datagram(it: Connection, fromClient: boolean, base: number, captured: number, length: number, timeNs: number): void {
    const from = base + AT.payload;
    it.parser.data(fromClient, this.#ring.subarray(from, from + captured), timeNs);
    if (length > captured) it.parser.skip(fromClient, length - captured);
  }

  #segment(
    it: Connection,
    fromClient: boolean,
    base: number,
    captured: number,
    sequence: number,
    length: number,
    flags: number,
    timeNs: number,
  ): void {
    const own = fromClient ? it.client : it.server;
    // This side has gone on, so what was left out at the end of the other's packet will not come any more.
    this.#skipRest(it, !fromClient);
    own.place(sequence, captured, length, (flags & CAPTURE_FLAG_FIRST) !== 0);
    if (own.missing > 0) it.parser.skip(fromClient, own.missing);
    if (own.seen === captured) return;
    const from = base + AT.payload;
    it.parser.data(fromClient, this.#ring.subarray(from + own.seen, from + captured), timeNs);
  }

  #skipRest(it: Connection, fromClient: boolean): void {
    const left = (fromClient ? it.client : it.server).takeRest();
    if (left > 0) it.parser.skip(fromClient, left);
  }

  /** What is known of messages that were cut is told before the connection is forgotten. */
  #end(connection: Connection, at: number, base: number): void {
    const timeNs = timeOf(this.#words as Int32Array, at);
    this.#sink.begin(this.#ring, base, timeNs, connection);
    try {
      this.#skipRest(connection, true);
      this.#skipRest(connection, false);
    } catch (error) {
      this.#fault(connection, error);
      return;
    }
    this.#room.remove(connection);
  }

  #add(key: number, protocol: number, base: number, isReply: boolean): Connection | undefined {
    const isDatagram = ((this.#ring[base + AT.captureFlags] as number) & CAPTURE_FLAG_UDP) !== 0;
    const parser = this.#parser(protocol, isDatagram, base);
    if (parser === undefined) return undefined;
    const ends = this.#sink.ends(this.#ring, base, isReply);
    const connection: Connection = {
      key,
      protocol,
      mode: this.#ring[base + AT.mode] as number,
      parser,
      client: new ByteOrder(),
      server: new ByteOrder(),
      ends,
      service: serviceKey(ends.ends),
      bytes: parser.bytes,
      lastNs: timeOf(this.#words as Int32Array, base / 4),
      isRecent: true,
    };
    this.#room.add(connection);
    return connection;
  }

  #parser(protocol: number, isDatagram: boolean, base: number): Parser | undefined {
    const isFull = this.#ring[base + AT.mode] === L7_MODE.FULL;
    return this.#factory(protocol, isDatagram)?.(this.#sink, isFull ? 'full' : 'metadata');
  }

  /** The connection speaks another protocol from here on: by an upgrade that its parser knows of, or by encryption. */
  #change(connection: Connection, protocol: number, base: number): void {
    connection.protocol = protocol;
    connection.parser = connection.parser.next ?? this.#parser(protocol, false, base) ?? connection.parser;
  }

  #fault(connection: Connection, error: unknown): void {
    this.#faults++;
    this.#room.remove(connection);
    if (this.#toldFaults.has(connection.protocol)) return;
    this.#toldFaults.add(connection.protocol);
    this.#onFault(connection.protocol, error);
  }
}
