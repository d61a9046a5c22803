/**
 * How fast the agent reads DNS, Redis, PostgreSQL, MySQL and Kafka: one exchange, a request and its answer as captures
 * bring them, again and again on one connection, with routes and series as in the agent.
 */
import { encode } from 'dns-packet';
import { dnsUdpParser } from '../../server/flows/l7/dns.ts';
import { kafkaParser } from '../../server/flows/l7/kafka.ts';
import { mysqlParser } from '../../server/flows/l7/mysql.ts';
import type { MessageSink, ParserFactory } from '../../server/flows/l7/parser.ts';
import { postgresqlParser } from '../../server/flows/l7/postgresql.ts';
import { redisParser } from '../../server/flows/l7/redis.ts';
import { Routes } from '../../server/flows/l7/routes.ts';
import { SeriesTable } from '../../server/flows/l7/series.ts';

export interface Exchange {
  name: string;
  factory: ParserFactory;
  request: Buffer;
  response: Buffer;
}

/** Counts as the agent does; events are built and dropped. */
class CountingSink implements MessageSink {
  readonly table = new SeriesTable();
  readonly #routes = new Routes();
  readonly #ends = this.table.ends({
    source_endpoint: 1,
    destination_endpoint: 2,
    source_identity: 300,
    destination_identity: 301,
    service_id: 1,
    port: 1,
    peer: '',
  });
  readonly #hasEvents: boolean;
  events = 0;
  problems = 0;

  constructor(hasEvents: boolean) {
    this.#hasEvents = hasEvents;
  }

  wantsEvent(): boolean {
    return this.#hasEvents;
  }

  event(): void {
    this.events += 1;
  }

  route(_protocol: string, operation: string, path?: string): string {
    return this.#routes.route(1, operation, path);
  }

  request(...[protocol, route]: Parameters<MessageSink['request']>): void {
    this.table.request(this.#ends, protocol, route);
  }

  response(...[protocol, route, code, isError, latencyNs]: Parameters<MessageSink['response']>): void {
    this.table.response(this.#ends, protocol, route, code, isError, latencyNs);
  }

  name(): void {}

  gap(): void {
    this.problems += 1;
  }

  malformed(): void {
    this.problems += 1;
  }
}

function postgresql(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body, 'latin1')]);
}

function mysql(sequence: number, body: string): Buffer {
  return Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), Buffer.from(body, 'latin1')]);
}

/** Size in front. */
function kafka(hex: string, text = ''): Buffer {
  const body = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(text)]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

const SQL = "SELECT id, name, price FROM products WHERE category = 'books' AND price < 25.50 ORDER BY price LIMIT 20";
const READY = postgresql('Z', 'I');
const QUESTION = { type: 'A' as const, name: 'payments.shop.svc.cluster.local' };

export const EXCHANGES: readonly Exchange[] = [
  {
    name: 'DNS over UDP, A',
    factory: dnsUdpParser,
    request: encode({ type: 'query', id: 7, questions: [QUESTION] }),
    response: encode({
      type: 'response',
      id: 7,
      questions: [QUESTION],
      answers: [{ ...QUESTION, data: '10.96.0.17', ttl: 30 }],
    }),
  },
  {
    name: 'Redis, GET',
    factory: redisParser,
    request: Buffer.from('*2\r\n$3\r\nGET\r\n$12\r\nsession:1234\r\n'),
    response: Buffer.from(`$64\r\n${'x'.repeat(64)}\r\n`),
  },
  {
    name: 'PostgreSQL, simple query',
    factory: postgresqlParser,
    request: postgresql('Q', `${SQL}\0`),
    response: Buffer.concat([
      postgresql('T', '\0\x01name\0'.padEnd(30, '\0')),
      ...Array.from({ length: 10 }, () => postgresql('D', `\0\x01\0\0\0\x20${'x'.repeat(32)}`)),
      postgresql('C', 'SELECT 10\0'),
      READY,
    ]),
  },
  {
    name: 'PostgreSQL, unnamed statement',
    factory: postgresqlParser,
    request: Buffer.concat([
      postgresql('P', '\0SELECT name FROM products WHERE id = $1\0\0\0'),
      postgresql('B', '\0\0\0\0\0\x01\0\0\0\x0217\0\0'),
      postgresql('E', '\0\0\0\0\0'),
      postgresql('S', ''),
    ]),
    response: Buffer.concat([postgresql('1', ''), postgresql('2', ''), postgresql('C', 'SELECT 1\0'), READY]),
  },
  {
    name: 'MySQL, query',
    factory: mysqlParser,
    request: mysql(0, `\x03${SQL}`),
    response: Buffer.concat([
      mysql(1, '\x01'),
      mysql(2, `\x03def${'x'.repeat(40)}`),
      ...Array.from({ length: 10 }, (_, n) => mysql(n + 3, `\x20${'x'.repeat(32)}`)),
      mysql(13, '\xfe\0\0\x02\0'),
    ]),
  },
  {
    name: 'Kafka, produce v7',
    factory: kafkaParser,
    // No transaction, acks -1, 1 s, one topic with one partition without records.
    request: kafka('0000000700000001000473686f70ffffffff000003e8000000010006', 'orders\0\0\0\x01\0\0\0\0\0\0\0\0'),
    response: kafka('00000001000000010006', 'orders\0\0\0\x01\0\0\0\0\0\0'.padEnd(40, '\0')),
  },
];

export interface Rate {
  name: string;
  /** Exchanges a second on one core. */
  withoutEvents: number;
  withEvents: number;
}

/** Exchanges read in `ms`, a second. Throws if one was not read. */
export function rateOf({ name, factory, request, response }: Exchange, hasEvents: boolean, ms: number): number {
  const sink = new CountingSink(hasEvents);
  const parser = factory(sink, 'metadata');
  const started = performance.now();
  let exchanges = 0;
  let elapsed = 0;
  while (elapsed < ms) {
    for (let n = 0; n < 100; n += 1) {
      exchanges += 1;
      parser.data(true, request, exchanges * 1e5);
      parser.data(false, response, exchanges * 1e5 + 5e4);
    }
    elapsed = performance.now() - started;
  }
  const [series] = sink.table.report(true, elapsed);
  if (series?.responses !== exchanges || sink.problems > 0) {
    throw new Error(
      `Of ${exchanges} exchanges of ${name}, ${series?.responses ?? 0} were read, with ${sink.problems} problems.`,
    );
  }
  return (exchanges / elapsed) * 1000;
}

/** All of them, each for `ms` after as long a warm-up. */
export function protocolRates(ms: number): Rate[] {
  return EXCHANGES.map((exchange) => {
    rateOf(exchange, true, ms);
    return { name: exchange.name, withoutEvents: rateOf(exchange, false, ms), withEvents: rateOf(exchange, true, ms) };
  });
}
