/**
 * What TLS shows before it is encrypted (RFC 8446, 4.1 and 5.1): the two hellos, or the alert in place of the server's.
 * The server's choice of ALPN is encrypted since TLS 1.3.
 */
import type { TlsMessage } from '../../wire/l7.ts';
import type { MessageSink, Parser } from './parser.ts';
import { safeText } from './redact.ts';

/** Longest hello that is kept until it is whole, bytes; of longer ones the first part is told. */
const MAX_HELLO = 8 * 1024;
const RECORD_HEAD = 5;
const HANDSHAKE = 22;
const ALERT = 21;
const FATAL = 2;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const SERVER_NAME = 0;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;
const MAX_PROTOCOLS = 16;

const VERSIONS: Readonly<Record<number, string>> = {
  0x0300: 'SSL 3.0',
  0x0301: 'TLS 1.0',
  0x0302: 'TLS 1.1',
  0x0303: 'TLS 1.2',
  0x0304: 'TLS 1.3',
};

/** Handshake bytes of one side, out of their records. */
class HelloReader {
  #bytes: Buffer | null = null;
  #length = 0;
  #head = Buffer.allocUnsafe(RECORD_HEAD);
  #headLength = 0;
  #left = 0;
  isDone = false;
  /** The record is an alert. */
  isAlert = false;
  startNs = 0;

  get size(): number {
    return this.#bytes?.length ?? 0;
  }

  get isStarted(): boolean {
    return this.#length > 0;
  }

  /** @returns the message if it is whole now; null if more is to come; undefined if this is no TLS. */
  add(bytes: Buffer, timeNs: number): Buffer | null | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        if (this.#length === 0 && this.#headLength === 0) this.startNs = timeNs;
        const take = Math.min(RECORD_HEAD - this.#headLength, bytes.length - at);
        bytes.copy(this.#head, this.#headLength, at, at + take);
        at += take;
        this.#headLength += take;
        if (this.#headLength < RECORD_HEAD) return null;
        this.#headLength = 0;
        this.#left = this.#head.readUInt16BE(3);
        this.isAlert = this.#head[0] === ALERT;
        if ((!this.isAlert && this.#head[0] !== HANDSHAKE) || this.#head[1] !== 3 || this.#left === 0) return undefined;
        continue;
      }
      const take = Math.min(this.#left, bytes.length - at, MAX_HELLO - this.#length);
      this.#keep(bytes, at, take);
      at += take;
      this.#left -= take;
      const length = this.#messageLength();
      if (this.#length >= length || this.#length === MAX_HELLO) return this.take();
    }
    return null;
  }

  /** What is there of the message. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0);
    this.#bytes = null;
    this.isDone = true;
    return bytes;
  }

  #messageLength(): number {
    if (this.isAlert) return 2;
    return this.#length < 4 || this.#bytes === null ? 4 : 4 + this.#bytes.readUIntBE(1, 3);
  }

  #keep(bytes: Buffer, from: number, length: number): void {
    const needed = this.#length + length;
    if (this.#bytes === null || needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_HELLO, Math.max(512, 2 * needed)));
      this.#bytes?.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#length, from, from + length);
    this.#length = needed;
  }
}

export class TlsParser implements Parser {
  readonly #sink: MessageSink;
  readonly #client = new HelloReader();
  readonly #server = new HelloReader();
  #sni = '';
  #route = '';
  #hasRequest = false;
  #hasEvent = false;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  get bytes(): number {
    return this.#client.size + this.#server.size + this.#sni.length;
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    const reader = fromClient ? this.#client : this.#server;
    if (reader.isDone) return;
    // The server answers when it has all of the hello.
    if (!fromClient && !this.#client.isDone) this.#cut(true);
    const message = reader.add(bytes, timeNs);
    if (message === undefined) this.#stop(fromClient);
    else if (message !== null) this.#tell(fromClient, message);
  }

  skip(fromClient: boolean): void {
    const reader = fromClient ? this.#client : this.#server;
    if (!reader.isDone) this.#cut(fromClient);
  }

  #cut(fromClient: boolean): void {
    const reader = fromClient ? this.#client : this.#server;
    if (reader.isStarted) {
      this.#tell(fromClient, reader.take());
    } else {
      reader.isDone = true;
      this.#sink.gap();
    }
  }

  #stop(fromClient: boolean): void {
    (fromClient ? this.#client : this.#server).take();
    this.#sink.malformed();
  }

  #tell(fromClient: boolean, message: Buffer): void {
    if (fromClient) {
      const hello = message[0] === CLIENT_HELLO ? readHello(message, true) : undefined;
      if (hello === undefined) this.#sink.malformed();
      else this.#request(hello);
    } else {
      this.#answer(message);
    }
  }

  #request(tls: TlsMessage): void {
    this.#sni = tls.sni;
    this.#route = this.#sink.route('tls', tls.sni);
    this.#hasRequest = true;
    this.#hasEvent = this.#sink.wantsEvent();
    this.#sink.request('tls', this.#route);
    if (this.#hasEvent) this.#sink.event({ kind: 'REQUEST', protocol: 'tls', route: this.#route, tls });
  }

  #answer(message: Buffer): void {
    let tls: TlsMessage | undefined;
    let code = '';
    if (this.#server.isAlert) {
      // A warning comes before the hello, and says little.
      if (message[0] !== FATAL) return;
      tls = { sni: '', alpn: [], version: '' };
      code = `alert ${message[1] ?? 0}`;
    } else if (message[0] === SERVER_HELLO) {
      tls = readHello(message, false);
    }
    if (tls === undefined) {
      this.#sink.malformed();
      return;
    }
    tls.sni = this.#sni;
    const isError = code !== '';
    const route = this.#route;
    if (!this.#hasRequest) {
      if (this.#sink.wantsEvent()) this.#sink.event({ kind: 'SAMPLE', protocol: 'tls', route, is_error: isError, tls });
      return;
    }
    const latency = Math.max(0, this.#server.startNs - this.#client.startNs);
    this.#sink.response('tls', route, code, isError, latency);
    if (!this.#hasEvent) return;
    this.#sink.event({ kind: 'RESPONSE', protocol: 'tls', latency_ns: latency, route, is_error: isError, tls });
  }
}

/** What a hello says, as far as it is there; undefined if not even its beginning is. */
function readHello(message: Buffer, isClient: boolean): TlsMessage | undefined {
  // Type and length, version, random.
  let at = 4 + 2 + 32;
  if (message.length <= at) return undefined;
  let version = message.readUInt16BE(4);
  const tls: TlsMessage = { sni: '', alpn: [], version: '' };
  // Session id; cipher suites and compression methods: lists from the client, one of each from the server.
  at += 1 + (message[at] as number);
  if (isClient) {
    if (at + 2 <= message.length) at += 2 + message.readUInt16BE(at);
    at += 1 + (message[at] ?? 0);
  } else {
    at += 3;
  }
  at += 2;
  while (at + 4 <= message.length) {
    const type = message.readUInt16BE(at);
    const body = message.subarray(at + 4, at + 4 + message.readUInt16BE(at + 2));
    at += 4 + message.readUInt16BE(at + 2);
    if (type === SERVER_NAME && isClient) tls.sni = serverName(body);
    else if (type === ALPN) tls.alpn = protocols(body);
    else if (type === SUPPORTED_VERSIONS) version = supportedVersion(body, isClient) || version;
  }
  tls.version = VERSIONS[version] ?? `0x${version.toString(16)}`;
  return tls;
}

/** The first host name of the list (RFC 6066, 3). */
function serverName(body: Buffer): string {
  if (body.length < 5 || body[2] !== 0) return '';
  return safeText(body.toString('latin1', 5, Math.min(body.length, 5 + body.readUInt16BE(3))));
}

/** RFC 7301, 3.1. */
function protocols(body: Buffer): string[] {
  const names: string[] = [];
  let at = 2;
  while (at < body.length && names.length < MAX_PROTOCOLS) {
    const length = body[at] as number;
    if (length === 0 || at + 1 + length > body.length) break;
    names.push(safeText(body.toString('latin1', at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return names;
}

/** The highest version of the list, or the chosen one (RFC 8446, 4.2.1). Reserved values (RFC 8701) are none. */
function supportedVersion(body: Buffer, isClient: boolean): number {
  if (!isClient) return body.length >= 2 ? body.readUInt16BE(0) : 0;
  let highest = 0;
  for (let at = 1; at + 2 <= body.length; at += 2) {
    const version = body.readUInt16BE(at);
    if (version in VERSIONS && version > highest) highest = version;
  }
  return highest;
}
