/**
 * How many heads a second the agent reads on one core: captures in memory like that of their ring go through the table of
 * connections, with its order of bytes, parsers, routes, series and events. Nothing of it is left out but the ring itself.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import { createServer as createTcpServer, connect as connectTcp, type AddressInfo, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Connections } from '../../server/flows/l7/connections.ts';
import { writeRecord } from '../../server/flows/record-writer.ts';
import { L7_MODE, L7_PROTOCOL, RECORD_TYPE } from '../../server/wire/lists.gen.ts';
import { CAPTURE_FLAG_FIRST, CAPTURE_LAYOUT, RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';

export interface ParseSample {
  protocol: string;
  /** Heads of requests and answers. */
  heads: number;
  seconds: number;
  heads_per_second: number;
  bytes_per_head: number;
  events: number;
}

const HEADER = RECORD_LAYOUT.size + CAPTURE_LAYOUT.size;
const CONNECTIONS = 200;
const PATHS = 500;
/** Time between two captures: with 2,000 exchanges a second of events, some of the heads are told and most only counted. */
const STEP_NS = 2500n;

interface Capture {
  connection: number;
  fromClient: boolean;
  bytes: Buffer;
}

/** A table, and memory that holds `captures` one after the other as a ring would. `feed` gives all of them once more. */
class Feeder {
  readonly #table: Connections;
  readonly #memory: Buffer;
  readonly #words: Int32Array;
  readonly #places: { at: number; bytes: number; payload: number; isClient: boolean; connection: number }[] = [];
  readonly #sequences: Uint32Array;
  #now = 1_000_000_000n;
  events = 0;

  constructor(protocol: number, captures: readonly Capture[]) {
    this.#table = new Connections({
      take: () => this.events++,
      onFault: (_, error) => {
        throw error;
      },
    });
    const records = captures.map((it) => this.#write(protocol, it));
    this.#memory = Buffer.concat(records);
    this.#words = new Int32Array(this.#memory.buffer, this.#memory.byteOffset, this.#memory.length / 4);
    let at = 0;
    for (const [i, record] of records.entries()) {
      const { fromClient, connection, bytes } = captures[i] as Capture;
      this.#places.push({ at, bytes: record.length, payload: bytes.length, isClient: fromClient, connection });
      at += record.length;
    }
    this.#sequences = new Uint32Array(2 * (CONNECTIONS + 1));
  }

  /** Gives all captures, with the sequence numbers and the times of their moment. */
  feed(): void {
    const memory = this.#memory;
    for (const { at, bytes, payload, isClient, connection } of this.#places) {
      const direction = 2 * connection + (isClient ? 1 : 0);
      const sequence = this.#sequences[direction] as number;
      memory.writeUInt32LE(sequence, at + RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.sequence.offset);
      memory[at + RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.flags.offset] = sequence === 0 ? CAPTURE_FLAG_FIRST : 0;
      this.#sequences[direction] = sequence + payload;
      this.#now += STEP_NS;
      memory.writeBigUInt64LE(this.#now, at + RECORD_LAYOUT.fields.time_ns.offset);
      this.#table.take(this.#words, at / 4, bytes);
    }
  }

  /** Answers counted since the last call, and what was lost: nothing, or the measurement means nothing. */
  answers(): number {
    const { gaps, malformed, evicted } = this.#table.losses;
    if (gaps + malformed + evicted > 0) {
      throw new Error(`The parsers lost their place: ${JSON.stringify(this.#table.losses)}`);
    }
    return this.#table.report(true, 0).series.reduce((sum, it) => sum + it.responses, 0);
  }

  #write(protocol: number, { connection, fromClient, bytes }: Capture): Buffer {
    const client = { address: '10.42.0.7', port: 40_000 + connection, endpoint: 7, identity: 1007 };
    const server = { address: '10.42.0.9', port: 8080, endpoint: 9, identity: 1009 };
    const [source, destination] = fromClient ? [client, server] : [server, client];
    const record = writeRecord(RECORD_LAYOUT, {
      type: RECORD_TYPE.L7,
      family: 4,
      protocol: 6,
      flags: fromClient ? 2 : 3,
      connection_id: connection,
      source: source.address,
      source_port: source.port,
      source_endpoint: source.endpoint,
      source_identity: source.identity,
      destination: destination.address,
      destination_port: destination.port,
      destination_endpoint: destination.endpoint,
      destination_identity: destination.identity,
      service_id: 3,
    });
    const capture = Buffer.alloc(HEADER + ((bytes.length + 7) & ~7));
    record.copy(capture);
    capture.writeUInt16LE(bytes.length, RECORD_LAYOUT.fields.captured.offset);
    capture.writeUInt32LE(bytes.length, RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.length.offset);
    capture[RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.protocol.offset] = protocol;
    capture[RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.mode.offset] = L7_MODE.METADATA;
    bytes.copy(capture, HEADER);
    return capture;
  }
}

/** What curl and nginx say to each other, on CONNECTIONS connections. */
export function http1Captures(): Capture[] {
  const captures: Capture[] = [];
  for (let i = 0; i < 10 * CONNECTIONS; i++) {
    const connection = 1 + (i % CONNECTIONS);
    const request =
      `GET /api/orders/${i % PATHS}/items?limit=20 HTTP/1.1\r\nHost: shop.default.svc.cluster.local:8080\r\n` +
      'User-Agent: curl/8.14.1\r\nAccept: application/json\r\nAccept-Encoding: gzip, br\r\n' +
      'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX-Request-Id: 6f1c2a52\r\n\r\n';
    const body = '{"items":[]}';
    const response =
      'HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Mon, 23 Nov 2026 01:00:00 GMT\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${body.length}\r\nConnection: keep-alive\r\nCache-Control: no-store\r\nVary: Accept-Encoding\r\n\r\n${body}`;
    captures.push({ connection, fromClient: true, bytes: Buffer.from(request) });
    captures.push({ connection, fromClient: false, bytes: Buffer.from(response) });
  }
  return captures;
}

/** One connection of Node.js's own client and server, as it went over the wire: `count` requests, one after the other. */
export async function http2Captures(count: number): Promise<Capture[]> {
  const captures: Capture[] = [];
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'cache-control': 'no-store' });
    stream.end('{"items":[]}');
  });
  const relay = createTcpServer((client) => {
    const target = connectTcp(portOf(server as unknown as Server), '127.0.0.1');
    client.on('data', (bytes) => {
      captures.push({ connection: 1, fromClient: true, bytes });
      target.write(bytes);
    });
    target.on('data', (bytes) => {
      captures.push({ connection: 1, fromClient: false, bytes });
      client.write(bytes);
    });
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  for (const it of [server as unknown as Server, relay]) {
    it.listen(0, '127.0.0.1');
    await once(it, 'listening');
  }
  const session = connect(`http://127.0.0.1:${portOf(relay)}`);
  for (let i = 0; i < count; i++) {
    const stream = session.request({
      ':path': `/api/orders/${i % PATHS}/items?limit=20`,
      'user-agent': 'bench',
      'x-id': `${i}`,
    });
    await buffer(stream);
  }
  session.close();
  await once(session, 'close');
  relay.close();
  server.close();
  return captures;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Feeds the same connections on and on for `seconds`: HTTP/1 has no state between exchanges. */
export function measureHttp1(seconds: number): ParseSample {
  const captures = http1Captures();
  const feeder = new Feeder(L7_PROTOCOL.HTTP, captures);
  feeder.feed();
  const before = feeder.answers();
  const eventsBefore = feeder.events;
  const begin = performance.now();
  let rounds = 0;
  while (performance.now() - begin < seconds * 1000) {
    feeder.feed();
    rounds++;
  }
  const elapsed = (performance.now() - begin) / 1000;
  const answers = feeder.answers() - before;
  if (answers * 2 !== rounds * captures.length)
    throw new Error(`${answers} answers of ${rounds * captures.length} heads`);
  return sample('HTTP/1.1', 2 * answers, elapsed, captures, feeder.events - eventsBefore);
}

/** Feeds the recorded connection from its start, each time to a new table, for `seconds`. */
export async function measureHttp2(seconds: number): Promise<ParseSample> {
  const requests = 5000;
  const captures = await http2Captures(requests);
  let elapsed = 0;
  let rounds = 0;
  let events = 0;
  for (let round = 0; elapsed < seconds; round++) {
    const feeder = new Feeder(L7_PROTOCOL.HTTP2, captures);
    const begin = performance.now();
    feeder.feed();
    const took = (performance.now() - begin) / 1000;
    if (feeder.answers() !== requests) throw new Error(`${feeder.answers()} answers of ${requests} requests`);
    // The first rounds are for the compiler.
    if (round < 3) continue;
    elapsed += took;
    rounds++;
    events += feeder.events;
  }
  return sample('HTTP/2', 2 * requests * rounds, elapsed, captures, events, requests);
}

function sample(
  protocol: string,
  heads: number,
  seconds: number,
  captures: readonly Capture[],
  events: number,
  exchanges = captures.length / 2,
): ParseSample {
  const bytes = captures.reduce((sum, it) => sum + it.bytes.length, 0);
  return {
    protocol,
    heads,
    seconds,
    heads_per_second: heads / seconds,
    bytes_per_head: bytes / (2 * exchanges),
    events,
  };
}
