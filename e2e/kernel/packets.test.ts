/** Prepared packets through the real programs: truncated ones, all protocols and ICMP types, strange addresses. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelError } from '../../server/kernel/errors.ts';
import * as build from './packet-builder.ts';
import { Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const { PROTOCOL } = build;
const FAMILIES = {
  IPv4: { source: '10.42.0.10', destination: '10.42.0.11' },
  IPv6: { source: 'fd42::10', destination: 'fd42::11' },
};
const ports = { sourcePort: 40_000, destinationPort: 8080 };
let bed: TestBed;
let client: Sender;

beforeAll(async () => {
  bed = await TestBed.create('p');
  client = new Sender(bed, 'client');
});
afterAll(() => bed[Symbol.dispose]());

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const at = FAMILIES[family];
  const ipBytes = family === 'IPv4' ? 20 : 40;
  const l4 = build.ETHERNET_BYTES + ipBytes;
  const frame = (payload: Buffer): Buffer => build.frame(client.macs, payload);
  const withProtocol = (protocol: number, bytes: Buffer): Buffer => frame(build.ip(at, build.raw(protocol, bytes)));

  test.each([
    ['TCP', 20, () => frame(build.ip(at, build.tcp(ports, 0x02, Buffer.from('hello'))))],
    ['UDP', 8, () => frame(build.ip(at, build.udp(ports)))],
    ['ICMP echo', 8, () => frame(build.ip(at, build.echo(at, 7)))],
  ] as const)('%s at every length', (_, headerBytes, make) => {
    const whole = make();
    const seen = new Map<string, number[]>();
    for (let length = 0; length <= whole.length; length++) {
      let result: string;
      try {
        result = client.outcome(whole.subarray(0, length));
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        // The kernel makes no socket buffer of less than a link header; newer ones want the IP header as well.
        expect(length).toBeLessThan(l4);
        result = length < build.ETHERNET_BYTES ? 'none' : 'drop INVALID_PACKET_DROPPED';
      }
      seen.set(result, [...(seen.get(result) ?? []), length]);
    }
    const spans = [...seen].map(([result, lengths]) => [result, lengths[0], lengths.at(-1)]);
    expect(spans).toEqual([
      ['none', 0, build.ETHERNET_BYTES - 1],
      ['drop INVALID_PACKET_DROPPED', build.ETHERNET_BYTES, l4 - 1],
      ['drop CT_TRUNCATED_OR_INVALID_HEADER', l4, l4 + headerBytes - 1],
      ['redirect', l4 + headerBytes, whole.length],
    ]);
  });

  test('each of the 256 protocols', () => {
    const results = new Map<string, number[]>();
    for (let protocol = 0; protocol < 256; protocol++) {
      // Zeroes: ports 0, ICMP type 0, an extension header that is followed by number 0 again.
      const result = client.outcome(withProtocol(protocol, Buffer.alloc(64)));
      if (result !== 'drop UNKNOWN_L4_PROTOCOL') results.set(result, [...(results.get(result) ?? []), protocol]);
    }
    expect(Object.fromEntries(results)).toEqual(
      family === 'IPv4'
        ? { redirect: [PROTOCOL.ICMP, PROTOCOL.TCP, PROTOCOL.UDP] }
        : {
            redirect: [PROTOCOL.TCP, PROTOCOL.UDP],
            'drop UNKNOWN_ICMPV6_TYPE': [PROTOCOL.ICMPV6],
          },
    );
  });

  test('each of the 256 ICMP types', () => {
    const results = new Map<string, number[]>();
    for (let type = 0; type < 256; type++) {
      const result = client.outcome(frame(build.ip(at, build.icmp(type, 0, Buffer.alloc(80)))));
      if (!result.startsWith('drop UNKNOWN_ICMPV')) results.set(result, [...(results.get(result) ?? []), type]);
    }
    expect(Object.fromEntries(results)).toEqual(
      family === 'IPv4'
        ? // Errors (3, 11, 12; 1 to 4): what they carry is no packet.
          { redirect: [0, 8], 'drop CT_TRUNCATED_OR_INVALID_HEADER': [3, 11, 12] }
        : // Neighbor discovery and its like beyond the link would go around policies.
          { redirect: [128, 129], 'drop CT_TRUNCATED_OR_INVALID_HEADER': [1, 2, 3, 4] },
    );
  });

  test('ports 0, hop limit 0, and a packet to its own sender', () => {
    expect(client.outcome(frame(build.ip(at, build.udp({ sourcePort: 0, destinationPort: 0 }))))).toBe('redirect');
    const spent =
      family === 'IPv4' ? build.ipv4(at, build.udp(ports), { ttl: 0 }) : build.ipv6(at, build.udp(ports), [], 0);
    expect(client.outcome(frame(spent))).toBe('redirect');
    const self = { source: at.source, destination: at.source };
    for (const samePort of [{ sourcePort: 9, destinationPort: 9 }, ports]) {
      for (let i = 0; i < 3; i++) expect(client.outcome(frame(build.ip(self, build.tcp(samePort))))).toBe('redirect');
    }
  });

  test('sources that are not the pod', () => {
    const strangers =
      family === 'IPv4'
        ? ['0.0.0.0', '10.42.0.11', '10.42.0.1', '10.42.0.255', '127.0.0.1', '224.0.0.1', '255.255.255.255', '8.8.8.8']
        : ['::', 'fd42::11', 'fd42::1', '::1', 'ff02::1', 'fe80::1', '2001:db8::1', '::10.42.0.10'];
    for (const source of strangers) {
      for (const segment of [build.tcp(ports), build.udp(ports)]) {
        const packet = frame(build.ip({ source, destination: at.destination }, segment));
        expect(client.outcome(packet), source).toBe('drop INVALID_SOURCE_IP');
      }
    }
  });

  test("destinations: groups are the stack's, nowhere is refused", () => {
    const expected: Record<string, string> =
      family === 'IPv4'
        ? {
            '224.0.0.1': 'ok',
            '239.255.255.250': 'ok',
            '255.255.255.255': 'ok',
            '10.42.0.1': 'ok',
            '10.42.0.255': 'drop STALE_OR_UNROUTABLE_IP',
            '0.0.0.0': 'drop FIB_LOOKUP_FAILED',
            '127.0.0.1': 'drop FIB_LOOKUP_FAILED',
            '198.51.100.1': 'drop FIB_LOOKUP_FAILED',
          }
        : {
            'ff02::1': 'ok',
            'ff0e::1': 'ok',
            'fe80::1': 'ok',
            'fd42::1': 'ok',
            'fd42::ffff': 'drop STALE_OR_UNROUTABLE_IP',
            '::': 'drop FIB_LOOKUP_FAILED',
            '::1': 'drop FIB_LOOKUP_FAILED',
            '2001:db8::1': 'drop FIB_LOOKUP_FAILED',
          };
    const destinations = Object.keys(expected);
    const results = destinations.map((it) => [
      it,
      client.outcome(frame(build.ip({ source: at.source, destination: it }, build.udp(ports)))),
    ]);
    expect(Object.fromEntries(results)).toEqual(expected);
  });
});
