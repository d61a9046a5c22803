/** What a client of a service without backends is answered, byte by byte, from prepared packets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as build from './packet-builder.ts';
import { reasonNames, Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const { ETHERNET_BYTES } = build;
const [FIN, SYN, RST, PSH, ACK] = [0x01, 0x02, 0x04, 0x08, 0x10];
const VIPS = ['10.96.0.12', 'fd96::12'];
let bed: TestBed;
let client: Sender;

beforeAll(async () => {
  bed = await TestBed.create('n');
  client = new Sender(bed, 'client');
  bed.addService('empty', VIPS, 80, 8080, []);
});
afterAll(() => bed[Symbol.dispose]());

describe.each([
  ['IPv4', 0, '10.42.0.10'],
  ['IPv6', 1, 'fd42::10'],
] as const)('%s', (family, index, self) => {
  const vip = VIPS[index] ?? '';
  const asked = { source: self, destination: vip };
  const back = { source: vip, destination: self };
  const ports = { sourcePort: 6000, destinationPort: 80 };
  const backPorts = { sourcePort: 80, destinationPort: 6000 };
  /** The answer's IPv4 header bears no number, and so is never to be fragmented (RFC 6864). */
  const answer = (segment: build.Segment): string =>
    build
      .frame(
        client.macsIn,
        family === 'IPv4' ? build.ipv4(back, segment, { id: 0, dontFragment: true }) : build.ipv6(back, segment),
      )
      .toString('hex');
  const request = (segment: build.Segment): Buffer => build.frame(client.macs, build.ip(asked, segment));

  function expectAnswer(packet: Buffer, expected: string): void {
    const { verdict, data, added } = client.send(packet);
    expect(reasonNames(added.drops)).toBe('SERVICE_BACKEND_NOT_FOUND');
    expect(verdict).toBe('redirect');
    expect(data.toString('hex')).toBe(expected);
  }

  // RFC 9293, 3.10.7.1: the answer to what no connection expects.
  test.each([
    ['SYN', SYN, 0, 1],
    ['SYN with data', SYN, 5, 6],
    ['FIN', FIN, 0, 1],
    ['SYN and FIN with data', SYN | FIN, 3, 5],
    ['data without ACK', PSH, 7, 7],
    ['no flag at all', 0, 0, 0],
  ] as const)('TCP without ACK is acknowledged to its end: %s', (_, flags, bytes, length) => {
    for (const options of [0, 4, 40]) {
      for (const sequence of [0, 1, 0x01020304, 0xfffffffe, 0xffffffff]) {
        const segment = build.tcp(ports, flags, Buffer.alloc(bytes, 7), Buffer.alloc(options, 1), { sequence });
        const acknowledgment = (sequence + length) % 2 ** 32;
        const reset = build.tcp(backPorts, RST | ACK, undefined, undefined, { sequence: 0, acknowledgment, window: 0 });
        expectAnswer(request(segment), answer(reset));
      }
    }
  });

  test('TCP with ACK gets the number it acknowledged, and no ACK', () => {
    for (const flags of [ACK, SYN | ACK, FIN | ACK, PSH | ACK]) {
      for (const acknowledgment of [0, 1, 0xa0b0c0d0, 0xffffffff]) {
        const segment = build.tcp(ports, flags, Buffer.from('late'), undefined, { acknowledgment });
        const reset = build.tcp(backPorts, RST, undefined, undefined, { sequence: acknowledgment, window: 0 });
        expectAnswer(request(segment), answer(reset));
      }
    }
  });

  test('what Ethernet puts behind a short packet is not acknowledged', () => {
    const reset = build.tcp(backPorts, RST | ACK, undefined, undefined, {
      sequence: 0,
      acknowledgment: 0x01020305,
      window: 0,
    });
    for (const padding of [1, 6, 46]) {
      const packet = Buffer.concat([request(build.tcp(ports, SYN)), Buffer.alloc(padding, 0xee)]);
      expectAnswer(packet, answer(reset));
    }
  });

  test('a reset is not answered, nor a part of a segment', () => {
    const [first, later] = [
      build.fragment(asked, build.tcp(ports, SYN, Buffer.alloc(60)), 77, 0, 48),
      build.fragment(asked, build.tcp(ports, SYN, Buffer.alloc(60)), 77, 48),
    ];
    for (const packet of [
      request(build.tcp(ports, RST)),
      request(build.tcp(ports, RST | ACK)),
      request(build.tcp(ports, RST | SYN)),
      build.frame(client.macs, first),
      build.frame(client.macs, later),
    ]) {
      const { verdict, added } = client.sendUnchanged(packet);
      expect([verdict, reasonNames(added.drops)]).toEqual(['drop', 'SERVICE_BACKEND_NOT_FOUND']);
    }
  });

  test('UDP gets port unreachable with the head of what was sent', () => {
    const [type, code] = family === 'IPv4' ? [3, 3] : [1, 4];
    const ipBytes = family === 'IPv4' ? 20 : 40;
    for (const bytes of [0, 1, 8, 33, 1000]) {
      for (const withChecksum of family === 'IPv4' ? [true, false] : [true]) {
        const packet = request(build.udp(ports, Buffer.alloc(bytes, 0x5a), withChecksum));
        const carried = packet.subarray(ETHERNET_BYTES, ETHERNET_BYTES + ipBytes + 8);
        expectAnswer(packet, answer(build.icmp(type, code, Buffer.concat([Buffer.alloc(4), carried]))));
      }
    }
  });

  test('UDP behind options or extension headers is dropped without an answer', () => {
    const udp = build.udp(ports);
    const packet =
      family === 'IPv4'
        ? build.ipv4(asked, udp, { options: Buffer.alloc(4, 1) })
        : build.ipv6(asked, udp, [build.extension(build.PROTOCOL.DSTOPTS)]);
    expect(client.outcome(build.frame(client.macs, packet))).toBe('drop SERVICE_BACKEND_NOT_FOUND');
  });

  test("another pod's address gets no answer", () => {
    const other = family === 'IPv4' ? '10.42.0.11' : 'fd42::11';
    const packet = build.frame(client.macs, build.ip({ source: other, destination: vip }, build.tcp(ports, SYN)));
    expect(client.outcome(packet)).toBe('drop INVALID_SOURCE_IP');
  });
});
