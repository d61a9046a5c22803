/** Kafka. Requests are counted under their API and first topic (`produce orders`), answers found by correlation id. */
import type { KafkaMessage } from '../../wire/l7.ts';
import { Framer } from './framer.ts';
import type { Framing } from './framer.ts';
import { MAX_API_KEY, MAX_API_VERSION, apiName, isUnanswered, readError, readTopic } from './kafka-fields.ts';
import { MAX_PENDING } from './parser.ts';
import type { MessageSink, Parser, ParserFactory } from './parser.ts';
import type { Lane, LaneOwner, Pending } from './turns.ts';

/** Size, API key, version, correlation id, length of the client's name. */
const REQUEST_HEAD = 14;
const RESPONSE_HEAD = 8;
/** What is read of an answer lies within: at most a topic's name and some numbers. */
const ANSWER_BYTES = 320;
/** A broker's own bound (socket.request.max.bytes) is 100 MiB; answers may be larger. */
const MAX_SIZE = 2 ** 30;
/** Longest client name that is believed. */
const MAX_CLIENT = 1024;
/** What a request takes while it waits, bytes; its topic counts beside that. */
const ENTRY_BYTES = 96;
const MAX_BYTES = 32 * 1024;

interface Request extends Pending {
  key: number;
  version: number;
  topic: string;
}

export const kafkaParser: ParserFactory = (sink) => new Kafka(sink);

class Kafka implements Parser, LaneOwner {
  readonly #sink: MessageSink;
  readonly #client = new Framer(this.#requests(), this);
  readonly #server = new Framer(this.#responses(), this, ANSWER_BYTES);
  /** By correlation id, oldest first. */
  readonly #pending = new Map<number, Request>();
  #pendingBytes = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  get bytes(): number {
    return this.#client.bytes + this.#server.bytes + this.#pendingBytes;
  }

  data(fromClient: boolean, bytes: Buffer, timeNs: number): void {
    const lane = fromClient ? this.#client : this.#server;
    (fromClient ? this.#server : this.#client).finish();
    if (lane.isLost) {
      if (fromClient ? !isRequest(bytes, 0) : !this.#isResponse(bytes)) return;
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

  #isResponse(bytes: Buffer): boolean {
    return bytes.length >= RESPONSE_HEAD && isSize(bytes.readInt32BE(0)) && this.#pending.has(bytes.readInt32BE(4));
  }

  #requests(): Framing {
    return {
      frameLength: (bytes, at) => {
        if (bytes.length - at < REQUEST_HEAD) return 0;
        return isRequest(bytes, at) ? bytes.readInt32BE(at) + 4 : -1;
      },
      frame: (bytes, start, end, _length, timeNs) => this.#request(bytes.subarray(start, end), timeNs),
    };
  }

  #request(bytes: Buffer, timeNs: number): void {
    const key = bytes.readInt16BE(4);
    const version = bytes.readInt16BE(6);
    const id = bytes.readInt32BE(8);
    const topic = readTopic(bytes, 12, key, version);
    const route = this.#sink.route('kafka', topic === '' ? apiName(key) : `${apiName(key)} ${topic}`);
    this.#sink.request('kafka', route);
    const request: Request = { startNs: timeNs, route, isWanted: this.#sink.wantsEvent(), key, version, topic };
    if (request.isWanted) {
      this.#sink.event({ kind: 'REQUEST', protocol: 'kafka', route, kafka: part(request, id) });
    }
    if (isUnanswered(bytes, 12, key, version)) return;
    this.#forget(id);
    this.#pending.set(id, request);
    this.#pendingBytes += ENTRY_BYTES + topic.length;
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING && this.#pendingBytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  #responses(): Framing {
    return {
      frameLength: (bytes, at) => {
        if (bytes.length - at < RESPONSE_HEAD) return 0;
        const size = bytes.readInt32BE(at);
        return isSize(size) ? size + 4 : -1;
      },
      frame: (bytes, start, end, _length, timeNs) => this.#response(bytes.subarray(start, end), timeNs),
    };
  }

  #response(bytes: Buffer, timeNs: number): void {
    const id = bytes.readInt32BE(4);
    const request = this.#pending.get(id);
    // What began before the request is no answer to it.
    if (request === undefined || timeNs < request.startNs) return;
    this.#forget(id);
    const code = readError(bytes, RESPONSE_HEAD, request.key, request.version);
    const isError = code !== null && code !== 0;
    const latencyNs = timeNs - request.startNs;
    this.#sink.response('kafka', request.route, code === null ? '' : String(code), isError, latencyNs);
    if (!request.isWanted) return;
    const kafka = part(request, id);
    if (code !== null) kafka.error_code = code;
    this.#sink.event({
      kind: 'RESPONSE',
      protocol: 'kafka',
      route: request.route,
      latency_ns: latencyNs,
      is_error: isError,
      kafka,
    });
  }

  #forget(id: number): void {
    const request = this.#pending.get(id);
    if (request === undefined) return;
    this.#pending.delete(id);
    this.#pendingBytes -= ENTRY_BYTES + request.topic.length;
  }
}

function part(request: Request, id: number): KafkaMessage {
  const { key, version, topic } = request;
  return { api_key: apiName(key), api_version: version, correlation_id: id, topic };
}

function isSize(size: number): boolean {
  return size >= 4 && size <= MAX_SIZE;
}

/** Whether a request's head stands there. */
function isRequest(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < REQUEST_HEAD) return false;
  const size = bytes.readInt32BE(at);
  const key = bytes.readInt16BE(at + 4);
  const version = bytes.readInt16BE(at + 6);
  const client = bytes.readInt16BE(at + 12);
  return (
    size >= REQUEST_HEAD - 4 &&
    size <= MAX_SIZE &&
    key >= 0 &&
    key <= MAX_API_KEY &&
    version >= 0 &&
    version <= MAX_API_VERSION &&
    client >= -1 &&
    client <= MAX_CLIENT
  );
}
