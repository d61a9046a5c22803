import { describe, expect, it } from 'vitest';
import { kafkaParser } from './kafka.ts';
import { cut, play, windowed } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Piece, Write } from './testing/play.ts';
import * as kafka from './testing/kafka-stream.ts';

function client(...messages: Buffer[]): Write {
  return { fromClient: true, bytes: Buffer.concat(messages) };
}

function server(...messages: Buffer[]): Write {
  return { fromClient: false, bytes: Buffer.concat(messages) };
}

function run(pieces: readonly Piece[]): RecordingSink {
  const sink = new RecordingSink();
  play(kafkaParser(sink, 'metadata'), pieces);
  return sink;
}

function answers(sink: RecordingSink): string[] {
  return sink.responses.map(({ route, code }) => `${route} | ${code}`);
}

describe('Kafka', () => {
  it('reads a producer and a consumer', () => {
    const sink = run(windowed(kafka.session(), Infinity));
    expect(answers(sink)).toEqual([
      'apiversions | 0',
      'metadata orders | ',
      'produce orders | 0',
      'produce orders | 6',
      'produce orders | 0',
      'findcoordinator | 0',
      'joingroup | 79',
      'fetch orders | 0',
      'fetch | 0',
      'heartbeat | 27',
      'offsetcommit | ',
    ]);
    expect(sink.requests).toEqual(answers(sink).map((line) => line.split(' | ')[0]));
    expect(sink.events[1]).toMatchObject({
      kind: 'RESPONSE',
      is_error: false,
      kafka: { api_key: 'apiversions', api_version: 3, correlation_id: 1, topic: '', error_code: 0 },
    });
    expect([sink.gaps, sink.malformedMessages]).toEqual([0, 0]);
  });

  it.each([1, 7, 64])('finds the same in pieces of %i bytes', (size) => {
    const whole = run(windowed(kafka.session(), Infinity));
    expect(answers(run(cut(windowed(kafka.session(), Infinity), size)))).toEqual(answers(whole));
  });

  it('expects no answer to a producer that wants none', () => {
    const sink = new RecordingSink();
    const parser = kafkaParser(sink, 'metadata');
    play(parser, windowed([client(kafka.produce(7, 3, 'orders', 0))], Infinity));
    expect([sink.requests, parser.bytes]).toEqual([['produce orders'], 0]);
  });

  it('reads no topic where a version has none, or is not known', () => {
    const sink = run(
      windowed([client(kafka.produce(1, 13, 'orders', 1), kafka.request(1, 17, 2, Buffer.alloc(40)))], 999),
    );
    expect(sink.requests).toEqual(['produce', 'fetch']);
  });

  it('pairs answers by their id, in any order', () => {
    const ok = kafka.int16(0);
    const sink = run(
      windowed(
        [
          client(kafka.request(17, 1, 1, Buffer.alloc(8)), kafka.request(18, 0, 2, Buffer.alloc(0))),
          server(kafka.response(2, ok), kafka.response(1, kafka.int16(33)), kafka.response(9, ok)),
        ],
        Infinity,
      ),
    );
    expect(answers(sink)).toEqual(['apiversions | 0', 'saslhandshake | 33']);
  });

  it('passes over records, and finds its place again after a gap', () => {
    const large = Buffer.alloc(500_000, 'x');
    const writes = [
      client(kafka.produce(1, 8, 'orders', -1, large)),
      server(kafka.produced(1, 8, 'orders', 0)),
      client(kafka.fetch(2, 11, 'orders')),
      server(kafka.response(2, kafka.int32(0), kafka.int16(0), large)),
      client(kafka.fetch(3, 11, 'orders')),
      server(kafka.response(3, kafka.int32(0), kafka.int16(1), large)),
    ];
    const sink = run(windowed(writes, 1024));
    expect(answers(sink)).toEqual(['produce orders | 0', 'fetch orders | 0', 'fetch orders | 1']);
    expect(sink.gaps).toBe(0);

    const lost = run([
      { fromClient: true, bytes: kafka.fetch(1, 11, 'orders') },
      { fromClient: true, bytes: 333 },
      { fromClient: true, bytes: Buffer.from('no request begins here') },
      { fromClient: true, bytes: kafka.fetch(2, 11, 'orders') },
      { fromClient: false, bytes: 77 },
      { fromClient: false, bytes: Buffer.from('no response begins here') },
      { fromClient: false, bytes: kafka.response(2, kafka.int32(0), kafka.int16(0)) },
    ]);
    expect(answers(lost)).toEqual(['fetch orders | 0']);
    expect(lost.gaps).toBe(2);
  });

  it('believes no count it has not the elements of', () => {
    const huge = Buffer.concat([kafka.int16(1), kafka.int32(1000), kafka.int32(2 ** 31 - 1)]);
    const sink = run(
      windowed([client(kafka.request(0, 2, 1, huge)), server(kafka.response(1, kafka.int32(2 ** 31 - 1)))], 999),
    );
    expect(answers(sink)).toEqual(['produce | ']);
  });

  it.each([
    ['a negative size', 'ffffffff0000000000000001ffff'],
    ['a huge size', '7fffffff0000000000000001ffff'],
    ['an unknown API', '0000002003e8000000000001ffff'],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n').toString('hex')],
  ])('gives up on %s', (_name, hex) => {
    const sink = run(windowed([client(Buffer.from(hex, 'hex'))], Infinity));
    expect([sink.requests.length, sink.malformedMessages]).toEqual([0, 1]);
  });

  it('bounds what it remembers', () => {
    const parser = kafkaParser(new RecordingSink(), 'metadata');
    for (let id = 0; id < 2000; id += 1) {
      play(parser, windowed([client(kafka.fetch(id, 11, 'x'.repeat(249)))], Infinity));
    }
    expect(parser.bytes).toBeLessThanOrEqual(33 * 1024);
  });
});
