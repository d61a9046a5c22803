/**
 * DNS over UDP and TCP. A question waits for the answer with its id, name and type. Metrics count it under its type
 * (`A`, `SRV`): names have no bound. NXDOMAIN is no error, as resolvers get it all the time: they try the names of their
 * search list one after another. Other rcodes are.
 */
import type { DnsMessage, L7Message } from '../../wire/l7.ts';
import { readDnsAnswers, readDnsHead, rcodeName } from './dns-message.ts';
import type { DnsHead } from './dns-message.ts';
import { Framer } from './framer.ts';
import type { Framing } from './framer.ts';
import { MAX_PENDING } from './parser.ts';
import type { MessageSink, Parser, ParserFactory } from './parser.ts';
import { safeText } from './redact.ts';
import type { Lane, LaneOwner, Pending } from './turns.ts';

/** What a question takes beside its name, bytes. */
const ENTRY_BYTES = 96;
/** Bytes that the questions of one connection may take. */
const MAX_BYTES = 32 * 1024;

const NOERROR = 0;
const NXDOMAIN = 3;

/** Pairs questions with answers, and tells of both. */
class Exchange {
  readonly #sink: MessageSink;
  readonly #transport: DnsMessage['transport'];
  /** By id, type and name; oldest first. */
  readonly #pending = new Map<string, Pending>();
  bytes = 0;

  constructor(sink: MessageSink, transport: DnsMessage['transport']) {
    this.#sink = sink;
    this.#transport = transport;
  }

  message(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    const head = readDnsHead(bytes);
    if (head === null || head.isAnswer === fromClient) this.#sink.malformed();
    // Zone changes and notifications are between servers.
    else if (head.opcode === 0) {
      if (fromClient) this.#question(head, timeNs);
      else this.#answer(head, bytes, timeNs);
    }
  }

  #question(head: DnsHead, timeNs: number): void {
    const route = this.#sink.route('dns', head.type);
    this.#sink.request('dns', route);
    const isWanted = this.#sink.wantsEvent();
    if (isWanted) this.#sink.event({ kind: 'REQUEST', protocol: 'dns', route, dns: this.#part(head) });
    const key = keyOf(head);
    // Asked again: the one who asks waits since the first time.
    if (this.#pending.has(key)) return;
    this.#pending.set(key, { startNs: timeNs, route, isWanted });
    this.bytes += ENTRY_BYTES + key.length;
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING && this.bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  #answer(head: DnsHead, bytes: Buffer, timeNs: number): void {
    const key = keyOf(head);
    const asked = this.#pending.get(key);
    const isError = head.rcode !== NOERROR && head.rcode !== NXDOMAIN;
    if (asked !== undefined) {
      this.#forget(key);
      this.#sink.response('dns', asked.route, rcodeName(head.rcode), isError, timeNs - asked.startNs);
    }
    if (asked === undefined ? this.#sink.wantsEvent() : asked.isWanted || !isError) {
      const answers = readDnsAnswers(bytes, head);
      // Only who was asked names addresses.
      if (asked !== undefined && answers.ips.length > 0) this.#sink.name(safeText(head.name.slice(0, -1)), answers.ips);
      if (asked !== undefined && !asked.isWanted) return;
      const dns: DnsMessage = { ...this.#part(head), rcode: head.rcode, rrtypes: answers.types };
      if (answers.ips.length > 0) dns.ips = answers.ips;
      if (answers.cnames.length > 0) dns.cnames = answers.cnames.map(safeText);
      if (answers.ttl !== null) dns.ttl = answers.ttl;
      const message: L7Message = {
        kind: asked === undefined ? 'SAMPLE' : 'RESPONSE',
        protocol: 'dns',
        route: asked?.route ?? this.#sink.route('dns', head.type),
        is_error: isError,
        dns,
      };
      if (asked !== undefined) message.latency_ns = timeNs - asked.startNs;
      this.#sink.event(message);
    }
  }

  #forget(key: string): void {
    if (this.#pending.delete(key)) this.bytes -= ENTRY_BYTES + key.length;
  }

  #part(head: DnsHead): DnsMessage {
    return { query: safeText(head.name), qtypes: head.type === '' ? [] : [head.type], transport: this.#transport };
  }
}

function keyOf(head: DnsHead): string {
  return `${head.id} ${head.type} ${head.name}`;
}

/** DNS over UDP: each call is a datagram. */
export const dnsUdpParser: ParserFactory = (sink) => {
  const exchange = new Exchange(sink, 'UDP');
  return {
    data: (fromClient, bytes, timeNs) => exchange.message(fromClient, bytes, timeNs),
    // A datagram that is cut is read as far as it goes.
    skip: () => undefined,
    get bytes() {
      return exchange.bytes;
    },
  };
};

/** DNS over TCP: each message behind its length, 2 bytes (RFC 7766, 8). */
export const dnsTcpParser: ParserFactory = (sink) => new DnsTcp(sink);

class DnsTcp implements Parser, LaneOwner {
  readonly #sink: MessageSink;
  readonly #exchange: Exchange;
  readonly #client: Framer;
  readonly #server: Framer;

  constructor(sink: MessageSink) {
    this.#sink = sink;
    this.#exchange = new Exchange(sink, 'TCP');
    this.#client = new Framer(this.#framing(true), this);
    this.#server = new Framer(this.#framing(false), this);
  }

  get bytes(): number {
    return this.#exchange.bytes + this.#client.bytes + this.#server.bytes;
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    const lane = fromClient ? this.#client : this.#server;
    // An answer shows that no more of the question comes, and the other way round.
    (fromClient ? this.#server : this.#client).finish();
    if (lane.isLost) {
      if (bytes.length < 14 || readDnsHead(bytes.subarray(2))?.isAnswer !== !fromClient) return;
      lane.reset();
    }
    lane.data(bytes, timeNs);
  }

  skip(fromClient: boolean, length: number): void {
    const lane = fromClient ? this.#client : this.#server;
    if (lane.isLost || lane.skip(length)) return;
    this.#sink.gap();
    lane.isLost = true;
  }

  broken(lane: Lane): void {
    this.#sink.malformed();
    lane.isLost = true;
  }

  #framing(fromClient: boolean): Framing {
    return {
      frameLength: (bytes, at) => {
        if (bytes.length - at < 2) return 0;
        const length = bytes.readUInt16BE(at);
        return length < 12 ? -1 : length + 2;
      },
      frame: (bytes, start, end, _length, timeNs) => {
        this.#exchange.message(fromClient, bytes.subarray(start + 2, end), timeNs);
      },
    };
  }
}
