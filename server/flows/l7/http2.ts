/**
 * HTTP/2 (RFC 9113) and gRPC over it. The kernel captures all frames but what DATA carries, so every request and answer
 * is seen; of a header block that was cut or lost, what HPACK can still tell is told (hpack.ts).
 */
import type { GrpcMessage, HttpMessage } from '../../wire/l7.ts';
import { grpcCall, grpcStatusOfHttp, grpcStatusOfReset } from './grpc.ts';
import { HeaderList, HpackDecoder, UNKNOWN } from './hpack.ts';
import { type FrameHandler, FrameReader } from './http2-frames.ts';
import { MAX_PENDING, type MessageSink, type Parser, type Redaction } from './parser.ts';
import { pendingBytes, type PendingRequest } from './http-pending.ts';
import { redactHeaders, redactUrl } from './redact.ts';

const VERSION = 'HTTP/2';
/** Bytes of all requests without answer. */
const MAX_PENDING_BYTES = 14 * 1024;

interface Stream extends PendingRequest {
  /** Of a gRPC call. */
  grpc: GrpcMessage | undefined;
  /** Of the answer's head, 0 before it. */
  code: number;
}

/** Shared by all parsers: a list is read as soon as it is decoded. */
const list = new HeaderList();

export class Http2Parser implements Parser {
  readonly #sink: MessageSink;
  readonly #redaction: Redaction;
  readonly #clientTable = new HpackDecoder();
  readonly #serverTable = new HpackDecoder();
  readonly #client: FrameReader;
  readonly #server: FrameReader;
  /** Requests without answer, by stream, oldest first. */
  readonly #streams = new Map<number, Stream>();
  #streamBytes = 0;
  /** The highest stream a client has opened. */
  #lastId = 0;

  /** `upgraded`: the HTTP/1 request that asked for this protocol, to be answered on stream 1. */
  constructor(sink: MessageSink, redaction: Redaction, upgraded?: PendingRequest) {
    this.#sink = sink;
    this.#redaction = redaction;
    this.#client = new FrameReader(this.#handler(true), true);
    this.#server = new FrameReader(this.#handler(false), false);
    if (upgraded !== undefined) this.#open(1, { ...upgraded, grpc: undefined, code: 0 });
  }

  get bytes(): number {
    const tables = this.#clientTable.size + this.#serverTable.size;
    return tables + this.#client.bytes + this.#server.bytes + this.#streamBytes;
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    (fromClient ? this.#client : this.#server).data(bytes, timeNs);
  }

  skip(fromClient: boolean, length: number): void {
    (fromClient ? this.#client : this.#server).skip(length);
  }

  #handler(fromClient: boolean): FrameHandler {
    const table = fromClient ? this.#clientTable : this.#serverTable;
    const decode = (bytes: Buffer, from: number, to: number, isCut: boolean): boolean => {
      list.clear();
      if (isCut) this.#sink.gap();
      if (table.decode(bytes, from, to, isCut, list)) return true;
      this.#sink.malformed();
      return false;
    };
    return {
      headers: (id, isLast, bytes, from, to, isCut, timeNs) => {
        if (!decode(bytes, from, to, isCut)) return;
        if (fromClient) this.#request(id, isCut, timeNs);
        else this.#response(id, isLast, isCut, timeNs);
      },
      promise: (bytes, from, to, isCut) => void decode(bytes, from, to, isCut),
      lastData: (id, timeNs) => {
        const stream = this.#streams.get(id);
        // gRPC ends with trailers; a server that ends without them has failed.
        if (!fromClient && stream?.grpc !== undefined)
          this.#grpcAnswer(id, stream, grpcStatusOfHttp(stream.code), timeNs);
      },
      reset: (id, errorCode, timeNs) => {
        const stream = this.#streams.get(id);
        if (stream === undefined) return;
        list.clear();
        if (stream.grpc === undefined) this.#close(id, stream);
        else this.#grpcAnswer(id, stream, grpcStatusOfReset(errorCode), timeNs);
      },
      goAway: (lastId) => {
        // Requests above are not answered: the client asks them elsewhere.
        if (fromClient) return;
        for (const [id, stream] of this.#streams) if (id > lastId) this.#close(id, stream);
      },
      missed: () => table.missed(),
      lost: (cause) => this.#sink[cause](),
    };
  }

  #request(id: number, isCut: boolean, timeNs: number): void {
    // Streams of clients have odd numbers that only grow (5.1.1); lower ones send trailers.
    if (id % 2 === 0 || id <= this.#lastId) return;
    const method = list.get(':method');
    if (method === undefined && !isCut && !list.names.includes(UNKNOWN)) {
      this.#sink.malformed();
      return;
    }
    this.#lastId = id;
    const path = list.get(':path') ?? (method === 'CONNECT' ? '' : UNKNOWN);
    const grpc = (list.get('content-type') ?? '').startsWith('application/grpc') ? grpcCall(path) : undefined;
    const protocol = grpc === undefined ? 'http2' : 'grpc';
    const hasEvent = this.#sink.wantsEvent();
    const route =
      grpc !== undefined
        ? this.#sink.route(protocol, grpc.service === '' ? UNKNOWN : `${grpc.service}/${grpc.method}`)
        : this.#sink.route(protocol, method ?? UNKNOWN, path === '' || path === UNKNOWN ? undefined : path);
    this.#sink.request(protocol, route);
    let url = '';
    if (hasEvent) {
      url = redactUrl(absoluteUrl(path), this.#redaction);
      const http = { method: method ?? UNKNOWN, url, protocol: VERSION, headers: this.#headers() };
      this.#sink.event({ kind: 'REQUEST', protocol, route, http, ...(grpc && { grpc }) });
    }
    this.#open(id, { timeNs, protocol, method: method ?? UNKNOWN, route, url, hasEvent, grpc, code: 0 });
  }

  #response(id: number, isLast: boolean, isCut: boolean, timeNs: number): void {
    const stream = this.#streams.get(id);
    const status = list.get(':status');
    const code = status === undefined ? 0 : Number(status) || 0;
    // Interim: the answer is yet to come.
    if (code >= 100 && code < 200) return;
    if (stream === undefined) {
      // Trailers have no status; pushed answers (even numbers) nobody asked for.
      if (code === 0 || id % 2 === 0 || !this.#sink.wantsEvent()) return;
      const http = this.#httpResponse(code, '', '');
      this.#sink.event({ kind: 'SAMPLE', protocol: 'http2', route: '', is_error: code >= 500, http });
      return;
    }
    if (stream.grpc !== undefined) {
      if (code !== 0) stream.code = code;
      if (isLast) this.#grpcAnswer(id, stream, this.#grpcStatus(stream, isCut), timeNs);
      return;
    }
    // Without a status that was read it is an answer all the same.
    this.#answer(id, stream, code, timeNs);
  }

  /** grpc-status of the list at hand, -1 if it was not seen. */
  #grpcStatus(stream: Stream, isCut: boolean): number {
    const text = list.get('grpc-status');
    if (text === undefined) return isCut || list.names.includes(UNKNOWN) ? -1 : grpcStatusOfHttp(stream.code);
    const status = Number(text);
    return Number.isInteger(status) && status >= 0 && text.length <= 3 ? status : -1;
  }

  #answer(id: number, stream: Stream, code: number, timeNs: number): void {
    this.#close(id, stream);
    const { protocol, route, method, url } = stream;
    const latency = Math.max(0, timeNs - stream.timeNs);
    const isError = code >= 500;
    this.#sink.response(protocol, route, code === 0 ? UNKNOWN : String(code), isError, latency);
    if (!stream.hasEvent) return;
    const http = this.#httpResponse(code, method, url);
    this.#sink.event({ kind: 'RESPONSE', protocol, latency_ns: latency, route, is_error: isError, http });
  }

  #grpcAnswer(id: number, stream: Stream, status: number, timeNs: number): void {
    this.#close(id, stream);
    const { protocol, route, method, url, grpc } = stream;
    const latency = Math.max(0, timeNs - stream.timeNs);
    const isError = status > 0;
    this.#sink.response(protocol, route, status < 0 ? UNKNOWN : String(status), isError, latency);
    if (!stream.hasEvent || grpc === undefined) return;
    const http = this.#httpResponse(stream.code, method, url);
    const answer = status < 0 ? grpc : { ...grpc, status };
    this.#sink.event({ kind: 'RESPONSE', protocol, latency_ns: latency, route, is_error: isError, http, grpc: answer });
  }

  #httpResponse(code: number, method: string, url: string): HttpMessage {
    return { ...(code !== 0 && { code }), method, url, protocol: VERSION, headers: this.#headers() };
  }

  #headers(): HttpMessage['headers'] {
    const headers: HttpMessage['headers'] = [];
    for (const [i, key] of list.names.entries()) {
      if (!key.startsWith(':')) headers.push({ key, value: list.values[i] as string });
    }
    return redactHeaders(headers, this.#redaction);
  }

  #open(id: number, stream: Stream): void {
    const size = pendingBytes(stream);
    for (const [oldId, old] of this.#streams) {
      if (this.#streams.size < MAX_PENDING && this.#streamBytes + size <= MAX_PENDING_BYTES) break;
      this.#close(oldId, old);
    }
    this.#streams.set(id, stream);
    this.#streamBytes += size;
  }

  #close(id: number, stream: Stream): void {
    this.#streams.delete(id);
    this.#streamBytes -= pendingBytes(stream);
  }
}

function absoluteUrl(path: string): string {
  const authority = list.get(':authority') ?? list.get('host') ?? '';
  if (path === '') return authority;
  return `${list.get(':scheme') ?? 'http'}://${authority}${path}`;
}
