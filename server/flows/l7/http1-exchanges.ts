/** Pairs the requests of an HTTP/1 connection with their answers, which come in the same order, and tells of both. */
import type { HttpMessage } from '../../wire/l7.ts';
import type { Http1Head } from './http1-head.ts';
import type { PendingRequest } from './http-pending.ts';
import type { MessageSink, Redaction } from './parser.ts';
import { PendingQueue } from './pending.ts';
import { redactHeaders, redactUrl } from './redact.ts';

export interface Http1Request extends PendingRequest {
  isUpgradeToHttp2: boolean;
}

/** By status code. */
const CODES = Array.from({ length: 600 }, (_, code) => String(code));

export class Http1Exchanges {
  readonly #sink: MessageSink;
  readonly #redaction: Redaction;
  readonly #pending = new PendingQueue<Http1Request>();
  /** Requests after those that found no room there. */
  #forgotten = 0;
  /** A message was missed, so which answer belongs to which request is not certain. */
  isUncertain = false;

  constructor(sink: MessageSink, redaction: Redaction) {
    this.#sink = sink;
    this.#redaction = redaction;
  }

  /** Bytes it keeps. */
  get bytes(): number {
    return this.#pending.bytes;
  }

  /** Requests without answer. */
  get underWay(): number {
    return this.#pending.length + this.#forgotten;
  }

  /** An answer was missed: the next one is not for the oldest request. */
  forget(): void {
    this.#pending.clear();
    this.#forgotten = 0;
  }

  /** The request whose head this is, seen at `timeNs`. */
  request(head: Http1Head, timeNs: number, isCut: boolean): void {
    // Without pipelining, what has no answer when the next request comes will get none.
    if (this.isUncertain) this.forget();
    this.isUncertain = false;
    const sink = this.#sink;
    const method = head.method();
    const target = head.target();
    const route = method === 'CONNECT' ? sink.route('http', method) : sink.route('http', method, target);
    const hasEvent = sink.wantsEvent();
    sink.request('http', route);
    let url = '';
    if (hasEvent) {
      url = redactUrl(absoluteUrl(head, method, target), this.#redaction);
      const http = { method, url, protocol: isCut ? 'HTTP/1.1' : head.version(true), headers: this.#headers(head) };
      sink.event({ kind: 'REQUEST', protocol: 'http', route, http });
    }
    const isUpgradeToHttp2 = head.hasUpgrade && head.field('upgrade').toLowerCase() === 'h2c';
    this.#remember({ timeNs, protocol: 'http', method, route, url, hasEvent, isUpgradeToHttp2 });
  }

  /** The request that the next answer is for; undefined if it is not known. */
  answered(): Http1Request | undefined {
    const request = this.#pending.shift();
    if (request === undefined && this.#forgotten > 0) this.#forgotten--;
    return request;
  }

  /** Its answer, whose head this is, seen at `timeNs`. */
  answer(head: Http1Head, request: Http1Request, code: number, timeNs: number): void {
    const { protocol, route, method, url } = request;
    const latency = Math.max(0, timeNs - request.timeNs);
    const isError = code >= 500;
    this.#sink.response(protocol, route, CODES[code] as string, isError, latency);
    if (!request.hasEvent) return;
    const http = this.#response(head, code, method, url);
    this.#sink.event({ kind: 'RESPONSE', protocol, latency_ns: latency, route, is_error: isError, http });
  }

  /** An answer whose request is not known. */
  sample(head: Http1Head, code: number): void {
    if (!this.#sink.wantsEvent()) return;
    const http = this.#response(head, code, '', '');
    this.#sink.event({ kind: 'SAMPLE', protocol: 'http', route: '', is_error: code >= 500, http });
  }

  #remember(request: Http1Request): void {
    // Answers come in the order of the requests, so after one that found no room none is remembered until it is answered.
    if (this.#forgotten > 0 || !this.#pending.push(request, request.method.length + request.url.length)) {
      this.#forgotten++;
    }
  }

  #response(head: Http1Head, code: number, method: string, url: string): HttpMessage {
    return { code, method, url, protocol: head.version(false), headers: this.#headers(head) };
  }

  #headers(head: Http1Head): HttpMessage['headers'] {
    return redactHeaders(head.headers(), this.#redaction);
  }
}

/** The URL of the request whose head this is. */
function absoluteUrl(head: Http1Head, method: string, target: string): string {
  // The target is a URL in requests to proxies, and only an authority in CONNECT (RFC 9112, 3.2).
  if (method === 'CONNECT' || !target.startsWith('/')) return target;
  return `http://${head.field('host')}${target}`;
}
