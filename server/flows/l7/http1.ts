/**
 * HTTP/1.0 and 1.1 (RFC 9112). Heads are parsed, bodies are stepped over by their length or their chunks. Where that fails
 * (a chunk that was not captured, a body until the end of the connection, a loss), the side waits for a capture that
 * begins with a head.
 */
import { Http2Parser } from './http2.ts';
import { Http1Exchanges } from './http1-exchanges.ts';
import { beginsWithHead, CHUNKED, Http1Head, UNTIL_CLOSE } from './http1-head.ts';
import { MAX_HEAD, Side, STATE } from './http1-side.ts';
import type { MessageSink, Parser, Redaction } from './parser.ts';

const LF = 10;
const CR = 13;

/** Shared by all parsers: a head is read as soon as it is scanned. */
const head = new Http1Head();

export class Http1Parser implements Parser {
  readonly #sink: MessageSink;
  readonly #redaction: Redaction;
  readonly #client = new Side(true);
  readonly #server = new Side(false);
  readonly #exchanges: Http1Exchanges;
  #next: Http2Parser | undefined;

  constructor(sink: MessageSink, redaction: Redaction) {
    this.#sink = sink;
    this.#redaction = redaction;
    this.#exchanges = new Http1Exchanges(sink, redaction);
  }

  get bytes(): number {
    if (this.#next !== undefined) return this.#next.bytes;
    return this.#client.bytes + this.#server.bytes + this.#exchanges.bytes;
  }

  get next(): Http2Parser | undefined {
    return this.#next;
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    if (this.#handOver(fromClient, bytes, 0, timeNs)) return;
    const side = fromClient ? this.#client : this.#server;
    this.#endTurnOfOther(side);
    // While it is not known where the server is, an answer that was lost goes unnoticed, until the next request comes.
    if (fromClient && this.#server.state === STATE.seek && side.state !== STATE.body && side.state !== STATE.chunks) {
      if (beginsWithHead(true, bytes)) this.#exchanges.isUncertain = true;
    }
    if (side.state === STATE.seek || (side.isGuess && side.state !== STATE.head)) {
      if (beginsWithHead(fromClient, bytes)) side.state = STATE.head;
    }
    let at = 0;
    while (at < bytes.length) {
      switch (side.state) {
        case STATE.head:
          at = this.#head(side, bytes, at, timeNs);
          break;
        case STATE.body: {
          const take = Math.min(side.left, bytes.length - at);
          side.left -= take;
          at += take;
          if (side.left === 0) side.state = STATE.head;
          break;
        }
        case STATE.chunks:
          at = side.chunks.data(bytes, at);
          if (side.chunks.isBroken) this.#lose(side, 'malformed');
          else if (side.chunks.isDone) side.state = STATE.head;
          break;
        case STATE.seek:
        case STATE.opaque:
          return;
      }
      if (this.#handOver(fromClient, bytes, at, timeNs)) return;
    }
  }

  /** Gives bytes from `at` on to the protocol that the connection was upgraded to. @returns false if it was not. */
  #handOver(fromClient: boolean, bytes: Buffer, at: number, timeNs: number): boolean {
    if (this.#next === undefined) return false;
    if (at < bytes.length) this.#next.data(fromClient, bytes.subarray(at), timeNs);
    return true;
  }

  skip(fromClient: boolean, length: number): void {
    if (this.#next !== undefined) {
      this.#next.skip(fromClient, length);
      return;
    }
    const side = fromClient ? this.#client : this.#server;
    switch (side.state) {
      case STATE.head:
        if (side.partialLength > 0) this.#cut(side);
        else this.#lose(side, 'gap');
        break;
      case STATE.body:
        if (length > side.left) {
          this.#lose(side, 'gap');
        } else {
          side.left -= length;
          if (side.left === 0) side.state = STATE.head;
        }
        break;
      case STATE.chunks:
        // Where the chunk goes on is known, where the ones after it are is not. That is how bodies are captured: no loss.
        if (!side.chunks.skip(length)) this.#seek(side);
        break;
      case STATE.seek:
      case STATE.opaque:
        break;
    }
  }

  /** A head that was cut at the end of its turn shows by the other side's next turn. */
  #endTurnOfOther(side: Side): void {
    const other = side.fromClient ? this.#server : this.#client;
    if (other.partialLength === 0) return;
    // A client that has more than one request under way may send while an answer comes.
    if (other.fromClient || this.#exchanges.underWay <= 1) this.#cut(other);
  }

  #lose(side: Side, cause: 'gap' | 'malformed'): void {
    this.#sink[cause]();
    this.#exchanges.isUncertain = true;
    if (!side.fromClient) this.#exchanges.forget();
    side.dropPartial();
    side.state = STATE.seek;
  }

  /** What follows is not known, as is to be expected. */
  #seek(side: Side): void {
    if (this.#exchanges.underWay > 0) this.#exchanges.isUncertain = true;
    side.dropPartial();
    side.state = STATE.seek;
  }

  /** @returns where to go on. */
  #head(side: Side, bytes: Buffer, from: number, timeNs: number): number {
    if (side.partialLength > 0) return this.#continue(side, bytes, from);
    let at = from;
    // Empty lines before a request line are ignored (2.2).
    while (at < bytes.length && (bytes[at] === CR || bytes[at] === LF)) at++;
    if (at === bytes.length) return at;
    side.startNs = timeNs;
    const body = head.scan(bytes, at, bytes.length);
    if (body >= 0) {
      this.#message(side, false);
      return body;
    }
    if (bytes.length - at > MAX_HEAD) this.#told(side, bytes.subarray(at), bytes.length);
    else side.add(bytes, at);
    return bytes.length;
  }

  /** Adds to a head that is not whole. @returns where to go on. */
  #continue(side: Side, bytes: Buffer, from: number): number {
    const added = side.add(bytes, from);
    if (side.isHeadWhole) {
      const { partial, partialLength } = side;
      side.dropPartial();
      head.scan(partial as Buffer, 0, partialLength);
      this.#message(side, false);
    } else if (side.partialLength === MAX_HEAD) {
      this.#cut(side);
    }
    return from + added;
  }

  /** Tells what is known of a head that will not be whole. */
  #cut(side: Side): void {
    const { partial, partialLength } = side;
    side.dropPartial();
    if (partial === null) return;
    head.scan(partial, 0, partialLength);
    this.#told(side, partial, partialLength);
  }

  /** As #cut, of the head just scanned, up to `to`; `bytes` begin with it. */
  #told(side: Side, bytes: Buffer, to: number): void {
    // A first line that looks like one is told; what else there is may be anything.
    if (!beginsWithHead(side.fromClient, bytes)) {
      this.#lose(side, 'malformed');
      return;
    }
    head.takeFirstLine(to);
    this.#message(side, true);
    if (side.state !== STATE.opaque && this.#next === undefined) this.#seek(side);
  }

  /** The head just scanned. */
  #message(side: Side, isCut: boolean): void {
    const isValid = side.fromClient ? this.#request(side, isCut) : this.#response(side);
    if (!isValid) this.#lose(side, 'malformed');
  }

  #request(side: Side, isCut: boolean): boolean {
    if (!head.isRequest(isCut) || !head.readFraming()) return false;
    this.#exchanges.request(head, side.startNs, isCut);
    this.#body(side, head.framing ?? 0, false);
    return true;
  }

  #response(side: Side): boolean {
    const code = head.status();
    if (code === 0 || !head.readFraming()) return false;
    if (code < 200 && code !== 101) {
      // Interim: the answer is yet to come (RFC 9110, 15.2).
      this.#body(side, 0, false);
      return true;
    }
    const request = this.#exchanges.answered();
    if (request === undefined) {
      this.#exchanges.sample(head, code);
      this.#body(side, this.#responseBody(code, ''), true);
      return true;
    }
    if (code === 101 && request.isUpgradeToHttp2) {
      // The answer comes in HTTP/2, on stream 1.
      this.#next = new Http2Parser(this.#sink, this.#redaction, request);
      return true;
    }
    this.#exchanges.answer(head, request, code, side.startNs);
    if (code === 101 || (request.method === 'CONNECT' && code < 300)) {
      this.#client.dropPartial();
      this.#client.state = STATE.opaque;
      side.state = STATE.opaque;
    } else {
      this.#body(side, this.#responseBody(code, request.method), false);
    }
    return true;
  }

  /** Length of a response's body (RFC 9112, 6.3). */
  #responseBody(code: number, method: string): number {
    if (method === 'HEAD' || code === 204 || code === 304) return 0;
    return head.framing ?? UNTIL_CLOSE;
  }

  #body(side: Side, framing: number, isGuess: boolean): void {
    side.isGuess = isGuess;
    if (framing === CHUNKED) {
      side.chunks.begin();
      side.state = STATE.chunks;
    } else if (framing === UNTIL_CLOSE) {
      side.state = STATE.seek;
    } else {
      side.left = framing;
      side.state = framing === 0 ? STATE.head : STATE.body;
    }
  }
}
