/**
 * What parsers tell, made into events and metrics. An event is a record of type L7: the header of the capture at hand, which
 * names the ends, followed by the message as MessagePack.
 */
import { Packr } from 'msgpackr';
import { formatAddress } from '../../wire/address.ts';
import { type DnsName, type L7Message, type L7ProtocolName, type L7Report, MAX_MESSAGE_BYTES } from '../../wire/l7.ts';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { paddedCapture } from '../record.ts';
import { EventLimit } from './event-limit.ts';
import type { MessageSink } from './parser.ts';
import { Routes } from './routes.ts';
import { type EndsHandle, type SeriesEnds, SeriesTable } from './series.ts';

/** Takes an event: `words` hold the record from word 0 on, for the duration of the call; `bytes` long. */
export type TakeEvent = (words: Int32Array, bytes: number) => void;

const HEADER = RECORD_LAYOUT.size;
const AT = RECORD_LAYOUT.fields;
/** Names that are kept of addresses. */
const MAX_NAMES = 10_000;
/** Names in one report; the rest waits for the next, so that a flood of answers costs hubs little. */
const MAX_NEW_NAMES = 1000;

/** What a connection keeps for this. */
export interface Ends {
  readonly ends: EndsHandle;
  /** See serviceKey. */
  readonly service: number;
}

const packr = new Packr({ useRecords: false });

export class CaptureSink implements MessageSink {
  readonly #take: TakeEvent;
  readonly limit = new EventLimit();
  readonly #routes = new Routes();
  readonly #series = new SeriesTable();
  readonly #names = new Map<string, string>();
  readonly #newNames = new Map<string, string>();
  readonly #event = new Int32Array((HEADER + MAX_MESSAGE_BYTES) / 4);
  readonly #eventBytes = Buffer.from(this.#event.buffer);
  #ring: Buffer = Buffer.alloc(0);
  #at = 0;
  #timeNs = 0;
  #of: Ends | undefined;
  gaps = 0;
  malformedMessages = 0;
  unsent = 0;

  constructor(take: TakeEvent) {
    this.#take = take;
  }

  /** From now on parsers speak of the record at byte `at` of `ring`, of a connection with these ends. */
  begin(ring: Buffer, at: number, timeNs: number, of: Ends): void {
    this.#ring = ring;
    this.#at = at;
    this.#timeNs = timeNs;
    this.#of = of;
  }

  /** The ends of the connection whose record lies at byte `at`; the source is the client, whoever sent that packet. */
  ends(ring: Buffer, at: number, isReply: boolean): EndsHandle {
    const u32 = (field: 'source_endpoint' | 'destination_endpoint' | 'source_identity' | 'destination_identity') =>
      ring.readUInt32LE(at + AT[field].offset);
    const source = { endpoint: u32('source_endpoint'), identity: u32('source_identity'), address: AT.source.offset };
    const destination = {
      endpoint: u32('destination_endpoint'),
      identity: u32('destination_identity'),
      address: AT.destination.offset,
    };
    const [client, server] = isReply ? [destination, source] : [source, destination];
    const stranger = client.endpoint === 0 ? client : server.endpoint === 0 ? server : undefined;
    const port = isReply ? AT.source_port.offset : AT.destination_port.offset;
    const ends: SeriesEnds = {
      source_endpoint: client.endpoint,
      destination_endpoint: server.endpoint,
      source_identity: client.identity,
      destination_identity: server.identity,
      service_id: ring.readUInt32LE(at + AT.service_id.offset),
      port: ring.readUInt16LE(at + port),
      peer: stranger === undefined ? '' : formatAddress(viewOf(ring), at + stranger.address),
    };
    return this.#series.ends(ends);
  }

  wantsEvent(): boolean {
    if (this.limit.take(this.#timeNs)) return true;
    this.unsent++;
    return false;
  }

  event(message: L7Message): void {
    const body = packr.pack(message);
    if (body.length > MAX_MESSAGE_BYTES) {
      this.unsent++;
      return;
    }
    const event = this.#eventBytes;
    this.#ring.copy(event, 0, this.#at, this.#at + HEADER);
    event.writeUInt16LE(body.length, AT.captured.offset);
    body.copy(event, HEADER);
    const end = HEADER + paddedCapture(body.length);
    event.fill(0, HEADER + body.length, end);
    this.#take(this.#event, end);
  }

  route(_protocol: L7ProtocolName, operation: string, path?: string): string {
    return this.#routes.route(this.#of?.service ?? 0, operation, path);
  }

  request(protocol: L7ProtocolName, route: string): void {
    if (this.#of !== undefined) this.#series.request(this.#of.ends, protocol, route);
  }

  response(protocol: L7ProtocolName, route: string, code: string, isError: boolean, latencyNs: number): void {
    if (this.#of !== undefined) this.#series.response(this.#of.ends, protocol, route, code, isError, latencyNs);
  }

  name(name: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      if (this.#names.get(address) === name) continue;
      // The name given last comes last, the one known longest goes first.
      this.#names.delete(address);
      this.#names.set(address, name);
      this.#newNames.set(address, name);
      for (const oldest of this.#names.keys()) {
        if (this.#names.size <= MAX_NAMES) break;
        this.#names.delete(oldest);
        this.#newNames.delete(oldest);
      }
    }
  }

  gap(): void {
    this.gaps++;
  }

  malformed(): void {
    this.malformedMessages++;
  }

  /** What changed since the last report; with `all` everything. `nowMs`: any steady clock. */
  report(all: boolean, nowMs: number): Pick<L7Report, 'series' | 'names'> {
    const names: DnsName[] = [];
    for (const [address, name] of all ? this.#names : this.#newNames) {
      if (!all && names.length === MAX_NEW_NAMES) break;
      names.push({ address, name });
      this.#newNames.delete(address);
    }
    return { series: this.#series.report(all, nowMs), names };
  }
}

/** What routes are learned by: the Service and the port, or the server's identity where there is no Service. */
export function serviceKey({ service_id, destination_identity, port }: SeriesEnds): number {
  const server = service_id !== 0 ? service_id : 2 ** 32 + destination_identity;
  return server * 2 ** 16 + port;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
