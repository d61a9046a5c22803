/**
 * Every parser on what real peers said, changed, cut and holed at random: it must not throw, must keep within its
 * bounds, must not take long, and must not answer more than was asked. The seed is fixed; a failure names the round, so
 * it comes again.
 */
import { describe, expect, it } from 'vitest';
import { dnsTcpParser, dnsUdpParser } from './dns.ts';
import { kafkaParser } from './kafka.ts';
import { mysqlParser } from './mysql.ts';
import { MAX_PARSER_BYTES } from './parser.ts';
import type { ParserFactory, Redaction } from './parser.ts';
import { postgresqlParser } from './postgresql.ts';
import { redisParser } from './redis.ts';
import { session } from './testing/kafka-stream.ts';
import { recording } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Piece, Write } from './testing/play.ts';
import { random } from './testing/random.ts';

const SEED = 20261123;
const ROUNDS = 3000;
/** A call that takes longer hangs, or nearly so; the parsers take microseconds. */
const MAX_CALL_MS = 250;

/** Numbers at the edges of what lengths can be. */
const EDGES = ['00000000', 'ffffffff', '7fffffff', '80000000', '00000004', 'ffffff00', 'c00cc00c'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const TEXTS = [
  '$2147483647\r\n',
  '*1\r\n'.repeat(40),
  '*-1\r\n',
  '%9\r\n',
  '|2\r\n',
  '\r\n',
  "'",
  '"',
  '/*',
  '$$',
  '\\',
].map((text) => Buffer.from(text));

type Next = (bound: number) => number;

/** Puts something else in the place of a few bytes. */
function mutate(bytes: Buffer, next: Next): Buffer {
  const at = next(bytes.length + 1);
  const kind = next(6);
  if (kind === 0) return bytes.subarray(0, at);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(8))]);
  if (kind === 2) return Buffer.concat([bytes.subarray(0, at), bytes]);
  if (kind === 3) {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[next(copy.length)] = next(256);
    return copy;
  }
  const list = kind === 4 ? EDGES : TEXTS;
  const put = list[next(list.length)] ?? bytes;
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + (next(2) === 0 ? put.length : 0))]);
}

/** A connection of the corpus, spoiled; sometimes only in how it was captured. */
function spoil(corpus: readonly Write[][], next: Next): Piece[] {
  const pieces: Piece[] = [];
  const harm = next(4);
  for (const { fromClient, bytes } of corpus[next(corpus.length)] ?? []) {
    let changed: Buffer = bytes;
    for (let n = harm === 0 ? 0 : next(3); n > 0; n -= 1) changed = mutate(changed, next);
    const isHoled = next(4) === 0;
    for (let at = 0; at < changed.length;) {
      const length = 1 + next(next(3) === 0 ? 16 : 2000);
      const part = changed.subarray(at, at + length);
      pieces.push({ fromClient, bytes: isHoled && next(3) === 0 ? part.length + next(2) * next(5000) : part });
      at += length;
    }
    if (next(12) === 0) pieces.push({ fromClient: next(2) === 0, bytes: next(100_000) });
  }
  return pieces;
}

const PARSERS: [name: string, factory: ParserFactory, corpus: Write[][]][] = [
  ['DNS over UDP', dnsUdpParser, recording('dns-udp')],
  ['DNS over TCP', dnsTcpParser, recording('dns-tcp')],
  ['Redis', redisParser, recording('redis')],
  ['PostgreSQL', postgresqlParser, recording('postgresql')],
  ['MySQL', mysqlParser, recording('mysql')],
  ['Kafka', kafkaParser, [session()]],
];

interface Played {
  sink: RecordingSink;
  mostBytes: number;
  slowestMs: number;
}

function played(factory: ParserFactory, mode: Redaction, pieces: readonly Piece[]): Played {
  const sink = new RecordingSink();
  const parser = factory(sink, mode);
  let mostBytes = 0;
  let slowestMs = 0;
  for (const [index, { fromClient, bytes }] of pieces.entries()) {
    // The bytes are overwritten after the call, as those of a ring are.
    const ring = Buffer.from(typeof bytes === 'number' ? [] : bytes);
    const startedMs = performance.now();
    if (typeof bytes === 'number') parser.skip(fromClient, bytes);
    else parser.data(fromClient, ring, index * 1e6);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    mostBytes = Math.max(mostBytes, parser.bytes);
    ring.fill(0xaa);
  }
  return { sink, mostBytes, slowestMs };
}

describe(`parsers on spoiled streams (seed ${SEED})`, () => {
  it.each(PARSERS)('%s', (_name, factory, corpus) => {
    const next = random(SEED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const mode = next(2) === 0 ? 'metadata' : 'full';
      const pieces = spoil(corpus, next);
      let result: Played;
      try {
        result = played(factory, mode, pieces);
        // A call may have waited for the processor; one that hangs does so again.
        if (result.slowestMs > MAX_CALL_MS) result = played(factory, mode, pieces);
      } catch (error) {
        throw new Error(`Round ${round} of seed ${SEED} made the parser throw.`, { cause: error });
      }
      const { sink, mostBytes, slowestMs } = result;
      expect(mostBytes, `bytes kept in round ${round}`).toBeLessThanOrEqual(MAX_PARSER_BYTES);
      expect(slowestMs, `ms of a call in round ${round}`).toBeLessThan(MAX_CALL_MS);
      expect(sink.responses.length, `answers in round ${round}`).toBeLessThanOrEqual(sink.requests.length);
      const latencies = sink.responses.map(({ latencyNs }) => latencyNs);
      expect(Math.min(0, ...latencies), `latencies in round ${round}`).toBe(0);
    }
  });
});
