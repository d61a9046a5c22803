import { describe, expect, it } from 'vitest';
import { MAX_PENDING } from './parser.ts';
import { redisParser } from './redis.ts';
import { cut, play, recording, windowed } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Piece, Write } from './testing/play.ts';

function client(text: string): Write {
  return { fromClient: true, bytes: Buffer.from(text) };
}

function server(text: string): Write {
  return { fromClient: false, bytes: Buffer.from(text) };
}

function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

function run(pieces: readonly Piece[], mode: 'metadata' | 'full' = 'metadata'): RecordingSink {
  const sink = new RecordingSink();
  play(redisParser(sink, mode), pieces);
  return sink;
}

function answers(sink: RecordingSink): string[] {
  return sink.responses.map(({ route, code }) => (code === '' ? route : `${route} ${code}`));
}

const [first = [], resp3 = [], pubsub = []] = recording('redis');

describe('Redis', () => {
  it('pairs the commands of a recorded connection with their replies', () => {
    const sink = run(windowed(first, Infinity));
    expect(answers(sink)).toEqual([
      'SET',
      'GET',
      'GET',
      'PING',
      'SET',
      'LPUSH WRONGTYPE',
      'NOSUCH ERR',
      ...Array.from({ length: 10 }, () => 'RPUSH'),
      'LRANGE',
      'MULTI',
      'INCR',
      'HSET',
      'EXEC',
      'CONFIG GET',
      // CLIENT REPLY SKIP and the INCR after it get no reply.
      'GET',
      'EVAL',
      'AUTH ERR',
      'DEL',
    ]);
    expect(sink.requests).toHaveLength(answers(sink).length + 2);
    expect([sink.gaps, sink.malformedMessages]).toEqual([0, 0]);
  });

  it('tells attributes and pushes from replies', () => {
    const sink = run(windowed(resp3, Infinity));
    expect(answers(sink)).toEqual(sink.requests);
    expect(answers(sink).slice(-3)).toEqual(['SUBSCRIBE', 'PUBLISH', 'PING']);
  });

  it('takes no message of a subscription, nor the log of MONITOR, for a reply', () => {
    const sink = run(windowed(pubsub, Infinity));
    expect(answers(sink)).toEqual(['SUBSCRIBE', 'PING', 'UNSUBSCRIBE', 'GET', 'MONITOR']);
  });

  it.each([1, 7, 64])('finds the same in pieces of %i bytes', (size) => {
    for (const connection of [first, resp3, pubsub]) {
      const whole = run(windowed(connection, Infinity));
      const pieces = run(cut(windowed(connection, Infinity), size));
      expect(pieces.requests).toEqual(whole.requests);
      expect(answers(pieces)).toEqual(answers(whole));
    }
  });

  it('shows arguments in full mode only, and passwords never', () => {
    expect(JSON.stringify(run(windowed(first, Infinity)).events)).not.toMatch(/s3c|user:1|value/);
    const full = run(windowed([client(command('SET', 'k', 'v')), client(command('AUTH', 's3cret'))], Infinity), 'full');
    expect(full.events.map(({ redis }) => redis)).toEqual([
      { command: 'SET', arguments: ['k', 'v'] },
      { command: 'AUTH' },
    ]);
  });

  it('measures from the first byte of a command to the first of its reply', () => {
    const set = command('SET', 'k', 'v');
    const sink = run([
      { fromClient: true, bytes: Buffer.from(set.slice(0, 5)) },
      { fromClient: true, bytes: Buffer.from(set.slice(5)) },
      { fromClient: false, bytes: Buffer.from('$100\r\nab') },
      { fromClient: false, bytes: Buffer.from('cd') },
    ]);
    expect(sink.responses).toMatchObject([{ latencyNs: 2e6 }]);
    expect(sink.events[1]).toMatchObject({ kind: 'RESPONSE', latency_ns: 2e6, is_error: false });
  });

  it('passes over what is not captured of large commands and replies', () => {
    const large = 'x'.repeat(100_000);
    const list = `*1000\r\n${'$5\r\nvalue\r\n'.repeat(1000)}`;
    const writes = [
      client(command('SET', 'k', large)),
      server('+OK\r\n'),
      client(command('GET', 'k')),
      server(`$100000\r\n${large}\r\n`),
      client(command('LRANGE', 'l', '0', '-1')),
      server(list),
      client(command('LPOP', 'k')),
      server('-WRONGTYPE no\r\n'),
    ];
    const sink = run(windowed(writes, 1024));
    expect(answers(sink)).toEqual(['SET', 'GET', 'LRANGE', 'LPOP WRONGTYPE']);
    expect([sink.gaps, sink.malformedMessages]).toEqual([0, 0]);
  });

  it('finds its place again at the next turn after a pipeline that is not captured whole', () => {
    const writes = [
      client(command('SET', 'k', 'value').repeat(200)),
      server('+OK\r\n'.repeat(200)),
      client(command('GET', 'k')),
      server('$5\r\nvalue\r\n'),
      client(command('LPOP', 'k')),
      server('-WRONGTYPE no\r\n'),
    ];
    const sink = run(windowed(writes, 1024));
    expect(answers(sink).slice(-2)).toEqual(['GET', 'LPOP WRONGTYPE']);
    expect(sink.gaps).toBe(1);
  });

  it('leaves answers alone that it cannot tell apart', () => {
    const sink = run([
      { fromClient: true, bytes: Buffer.from(command('GET', 'a')) },
      { fromClient: true, bytes: 500 },
      { fromClient: true, bytes: Buffer.from(command('LPOP', 'a')) },
      { fromClient: false, bytes: Buffer.from('$1\r\nx\r\n:1\r\n:2\r\n') },
      { fromClient: true, bytes: Buffer.from(command('GET', 'b')) },
      { fromClient: false, bytes: Buffer.from('-ERR no\r\n') },
    ]);
    expect(answers(sink)).toEqual(['GET', 'GET ERR']);
    expect(sink.requests).toEqual(['GET', 'LPOP', 'GET']);
  });

  it('bounds what it remembers', () => {
    const sink = new RecordingSink();
    const parser = redisParser(sink, 'metadata');
    play(parser, windowed([client('PING\r\n'.repeat(3 * MAX_PENDING))], Infinity));
    expect(sink.requests).toHaveLength(3 * MAX_PENDING);
    expect(parser.bytes).toBeLessThanOrEqual(64 * 1024);
    expect(sink.gaps).toBe(1);
  });

  it.each([
    ['nesting', '*1\r\n'.repeat(100_000)],
    ['a length beyond the protocol', '$2147483648\r\n'],
    ['a length without end', `$${'1'.repeat(1000)}`],
    ['no RESP at all', 'HTTP/1.1 200 OK\r\n'],
  ])('gives up on %s', (_name, bytes) => {
    const sink = new RecordingSink();
    const parser = redisParser(sink, 'metadata');
    play(parser, windowed([server(bytes)], Infinity));
    expect(sink.malformedMessages).toBe(1);
    expect(parser.bytes).toBeLessThan(1024);
    play(parser, windowed([client(command('GET', 'k')), server('_\r\n')], Infinity));
    expect(answers(sink)).toEqual(['GET']);
  });

  it('believes a bulk string of 2 GiB without keeping it', () => {
    const sink = new RecordingSink();
    const parser = redisParser(sink, 'metadata');
    play(parser, windowed([client('*2\r\n$3\r\nGET\r\n$2147483647\r\nx'), server('$2147483647\r\nx')], Infinity));
    expect(answers(sink)).toEqual(['GET']);
    expect(parser.bytes).toBeLessThan(1024);
  });

  it('leaves replication alone', () => {
    const sink = run(
      windowed([client('PSYNC ? -1\r\n'), server('+FULLRESYNC x 0\r\n$9\r\nREDIS0011'), client('x')], 99),
    );
    expect(sink.requests).toEqual(['PSYNC']);
    expect(sink.malformedMessages).toBe(0);
  });
});
