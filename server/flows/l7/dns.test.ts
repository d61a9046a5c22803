import { encode, streamEncode } from 'dns-packet';
import type { Packet } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { dnsTcpParser, dnsUdpParser } from './dns.ts';
import { cut, play, recording, windowed } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Write } from './testing/play.ts';

function query(id: number, name: string): Packet {
  return { type: 'query', id, questions: [{ type: 'A', name }] };
}

function write(fromClient: boolean, packet: Packet): Write {
  return { fromClient, bytes: encode(packet) };
}

function run(writes: readonly Write[], wanted = true): RecordingSink {
  const sink = new RecordingSink(wanted);
  play(dnsUdpParser(sink, 'metadata'), windowed(writes, Infinity));
  return sink;
}

const ANSWER: Packet = {
  ...query(1, 'a.example'),
  type: 'response',
  answers: [{ type: 'A', name: 'a.example', data: '192.0.2.1', ttl: 5 }],
};

describe('DNS', () => {
  it('reads what dig asked dnsmasq over UDP', () => {
    const sink = run(recording('dns-udp')[0] ?? []);
    expect(sink.responses.map(({ route, code }) => `${route} ${code}`)).toEqual([
      'A NOERROR',
      'AAAA NOERROR',
      'A NOERROR',
      'SRV NOERROR',
      'PTR NOERROR',
      'MX NOERROR',
      'TXT NOERROR',
      'A NXDOMAIN',
      'A REFUSED',
      'A NOERROR',
      'HTTPS NOERROR',
    ]);
    expect(sink.events[5]).toEqual({
      kind: 'RESPONSE',
      protocol: 'dns',
      route: 'A',
      latency_ns: 1e6,
      is_error: false,
      dns: {
        query: 'www.shop.example.',
        qtypes: ['A'],
        transport: 'UDP',
        rcode: 0,
        rrtypes: ['CNAME', 'A'],
        ips: ['192.0.2.7'],
        cnames: ['api.shop.example.'],
        ttl: 60,
      },
    });
    expect(sink.names).toContainEqual(['www.shop.example', ['192.0.2.7']]);
    expect(sink.names).toContainEqual(['api.shop.example', ['2001:db8::7']]);
  });

  it.each([1, 5, 1000])('reads DNS over TCP in pieces of %i bytes', (size) => {
    for (const [index, connection] of recording('dns-tcp').entries()) {
      const sink = new RecordingSink();
      play(dnsTcpParser(sink, 'metadata'), cut(windowed(connection, Infinity), size));
      const codes = sink.responses.map(({ route, code }) => `${route} ${code}`);
      expect(codes).toEqual(index === 0 ? ['AAAA NOERROR', 'A NOERROR'] : ['A NXDOMAIN']);
      expect(sink.malformedMessages).toBe(0);
    }
  });

  it('reads several messages of a TCP segment, and finds the place again after a gap', () => {
    const sink = new RecordingSink();
    const parser = dnsTcpParser(sink, 'metadata');
    const ask = [1, 2, 3].map((id) => streamEncode(query(id, 'a.example')));
    const answer = [3, 1, 2].map((id) => streamEncode({ ...ANSWER, id }));
    play(parser, [
      { fromClient: true, bytes: Buffer.concat(ask) },
      { fromClient: false, bytes: answer[0] ?? Buffer.alloc(0) },
      { fromClient: false, bytes: 20 },
      { fromClient: false, bytes: Buffer.from('no message begins here') },
      { fromClient: false, bytes: answer[2] ?? Buffer.alloc(0) },
    ]);
    expect([sink.requests.length, sink.responses.length, sink.gaps]).toEqual([3, 2, 1]);
  });

  it('shows an answer without its question as a sample, and takes no name from it', () => {
    const sink = run([write(false, ANSWER)]);
    expect(sink.events.map(({ kind }) => kind)).toEqual(['SAMPLE']);
    expect([sink.names, sink.responses]).toEqual([[], []]);
  });

  it('pairs by id, name and type, and learns names of exchanges without events', () => {
    const other = { ...ANSWER, id: 2 };
    const sink = run([write(true, query(1, 'A.Example')), write(false, other), write(false, ANSWER)], false);
    expect(sink.responses).toEqual([{ route: 'A', code: 'NOERROR', isError: false, latencyNs: 2e6 }]);
    expect(sink.events).toEqual([]);
    expect(sink.names).toEqual([['a.example', ['192.0.2.1']]]);
  });

  it('reads what there is of an answer that is cut', () => {
    const answers = Array.from({ length: 100 }, (_, n) => ({
      type: 'A' as const,
      name: 'a.example',
      data: `192.0.2.${n}`,
      ttl: 9,
    }));
    const bytes = encode({ ...ANSWER, answers });
    for (let length = 0; length < bytes.length; length += 1) {
      const sink = run([write(true, query(1, 'a.example')), { fromClient: false, bytes: bytes.subarray(0, length) }]);
      expect(sink.responses.length + sink.malformedMessages).toBe(length === 0 ? 0 : 1);
    }
    const sink = run([write(true, query(1, 'a.example')), { fromClient: false, bytes: bytes.subarray(0, 500) }]);
    expect(sink.names[0]?.[1].length).toBeGreaterThan(10);
  });

  it('escapes what is no plain character of a name', () => {
    const packet = encode(query(1, 'axb.example'));
    packet[14] = 0x2e;
    packet[15] = 0x07;
    const sink = run([{ fromClient: true, bytes: packet }]);
    expect(sink.events[0]?.dns?.query).toBe('a\\046\\007.example.');
  });

  it.each([
    ['a pointer to itself', 'c00c'],
    ['pointers to each other', 'c00ec00c'],
    ['a pointer forward', 'c020'],
    ['a reserved label', '80616161'],
    ['a label beyond the end', '3f61'],
  ])('gives up on %s', (_name, hex) => {
    const head = Buffer.from('000101000001000000000000', 'hex');
    const bytes = Buffer.concat([head, Buffer.from(`${hex}00010001`, 'hex')]);
    const sink = run([{ fromClient: true, bytes }]);
    expect([sink.malformedMessages, sink.requests.length]).toEqual([1, 0]);
  });

  it('bounds what it remembers', () => {
    const sink = new RecordingSink();
    const parser = dnsUdpParser(sink, 'metadata');
    for (let id = 0; id < 5000; id += 1) {
      play(
        parser,
        windowed([write(true, query(id, `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}`))], Infinity),
      );
    }
    expect(parser.bytes).toBeLessThanOrEqual(33 * 1024);
    play(parser, windowed([write(true, query(1, 'a.example')), write(false, ANSWER)], Infinity));
    expect(sink.responses).toHaveLength(1);
  });
});
