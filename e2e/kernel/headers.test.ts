/** Prepared packets through the real programs: malformed IPv4 headers, IPv6 extension headers, VLAN tags, other frames. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as build from './packet-builder.ts';
import { Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const { PROTOCOL, ETHERTYPE } = build;
const FAMILIES = {
  IPv4: { source: '10.42.0.10', destination: '10.42.0.11' },
  IPv6: { source: 'fd42::10', destination: 'fd42::11' },
};
const ports = { sourcePort: 40_000, destinationPort: 8080 };
let bed: TestBed;
let client: Sender;

beforeAll(async () => {
  bed = await TestBed.create('h');
  client = new Sender(bed, 'client');
});
afterAll(() => bed[Symbol.dispose]());

describe('IPv4 headers', () => {
  const at = FAMILIES.IPv4;

  test('every version and header length', () => {
    const results: Record<string, number> = {};
    for (let first = 0; first < 256; first++) {
      const packet = build.frame(
        client.macs,
        build.ipv4(at, build.raw(PROTOCOL.UDP, Buffer.alloc(48))),
        ETHERTYPE.IPV4,
      );
      packet[build.ETHERNET_BYTES] = first;
      const result = client.outcome(packet);
      results[result] = (results[result] ?? 0) + 1;
    }
    // Version 4 with 5 to 15 words is right.
    expect(results).toEqual({ 'drop INVALID_PACKET_DROPPED': 245, redirect: 11 });
  });

  test('options of every length; the ports lie behind them', () => {
    for (let words = 0; words <= 10; words++) {
      const options = Buffer.alloc(words * 4, 1); // no operation
      const packet = build.frame(
        client.macs,
        build.ipv4(at, build.udp({ sourcePort: 700 + words, destinationPort: 80 }), { options }),
      );
      expect(client.outcome(packet)).toBe('redirect');
      expect(bed.hasFlow({ ...at, sourcePort: 700 + words, destinationPort: 80, protocol: PROTOCOL.UDP })).toBe(true);
      const cut = packet.subarray(0, build.ETHERNET_BYTES + 20 + words * 4 + 7);
      expect(client.outcome(cut)).toBe('drop CT_TRUNCATED_OR_INVALID_HEADER');
    }
  });

  test('a total length that lies is for the receiver to judge, and changes no count', () => {
    for (const length of [0, 19, 20, 27, 28, 1500, 65_535]) {
      const packet = build.frame(client.macs, build.ipv4(at, build.udp(ports)));
      packet.writeUInt16BE(length, build.ETHERNET_BYTES + 2);
      expect(client.outcome(packet)).toBe('redirect');
    }
  });

  test('fragments cut at every length: a first one needs its ports, a later one has none', () => {
    for (const fragment of [{ fragmentOffset: 1 }, { fragmentOffset: 8191, moreFragments: true }]) {
      const packet = build.frame(client.macs, build.ipv4(at, build.udp(ports), { id: 1, ...fragment }));
      for (let length = build.ETHERNET_BYTES + 20; length <= packet.length; length++) {
        expect(client.outcome(packet.subarray(0, length))).toBe('drop IP_FRAGMENTATION_NOT_SUPPORTED');
      }
    }
    const first = build.frame(client.macs, build.ipv4(at, build.udp(ports), { id: 2, moreFragments: true }));
    for (let length = build.ETHERNET_BYTES + 20; length <= first.length; length++) {
      const expected = length < build.ETHERNET_BYTES + 28 ? 'drop CT_TRUNCATED_OR_INVALID_HEADER' : 'redirect';
      expect(client.outcome(first.subarray(0, length))).toBe(expected);
    }
  });
});

describe('IPv6 extension headers', () => {
  const at = FAMILIES.IPv6;
  const { HOPOPTS, ROUTING, DSTOPTS } = PROTOCOL;
  const frame = (extensions: build.Extension[], sourcePort = 1): Buffer =>
    build.frame(client.macs, build.ipv6(at, build.udp({ sourcePort, destinationPort: 80 }), extensions));

  test('up to four are walked, whatever their order; a fifth ends it', () => {
    const kinds = [HOPOPTS, DSTOPTS, ROUTING, HOPOPTS, DSTOPTS, ROUTING];
    for (let count = 0; count <= kinds.length; count++) {
      const chain = kinds.slice(0, count).map((it) => build.extension(it));
      const expected = count <= 4 ? 'redirect' : 'drop UNKNOWN_L4_PROTOCOL';
      expect(client.outcome(frame(chain, 800 + count)), `${count} headers`).toBe(expected);
      expect(bed.hasFlow({ ...at, sourcePort: 800 + count, destinationPort: 80, protocol: PROTOCOL.UDP })).toBe(
        count <= 4,
      );
    }
  });

  test('a chain cut at every length is refused, and never read beyond its end', () => {
    const whole = frame([build.extension(HOPOPTS), build.extension(ROUTING, 3), build.extension(DSTOPTS)], 900);
    for (let length = build.ETHERNET_BYTES + 40; length < whole.length; length++) {
      const result = client.outcome(whole.subarray(0, length));
      const isWhole = length >= build.ETHERNET_BYTES + 40 + 40 + 8;
      if (isWhole) expect(result).toBe('redirect');
      else expect(result).toMatch(/drop (INVALID_IPV6_EXTENSION_HEADER|CT_TRUNCATED_OR_INVALID_HEADER)/);
    }
  });

  test('headers that claim to be longer than the packet, and headers of the greatest length', () => {
    for (let claim = 2; claim < 256; claim++) {
      const packet = frame([build.extension(HOPOPTS), build.extension(DSTOPTS)]);
      packet[build.ETHERNET_BYTES + 40 + 1] = claim;
      expect(client.outcome(packet), `length ${claim}`).toMatch(/^drop /);
    }
    // Legal, but further in than the programs read: refused, not misread.
    for (const units of [32, 64, 128, 256]) {
      expect(client.outcome(frame([build.extension(HOPOPTS, units), build.extension(DSTOPTS)]))).toMatch(/^drop /);
    }
  });

  test('fragment headers: first, later, atomic, behind others, nested', () => {
    const chains: [expected: string, chain: build.Extension[]][] = [
      ['redirect', [build.fragmentHeader(0, true, 1)]],
      ['redirect', [build.fragmentHeader(5, false, 1)]],
      ['drop IP_FRAGMENTATION_NOT_SUPPORTED', [build.fragmentHeader(5, true, 2)]],
      ['drop IP_FRAGMENTATION_NOT_SUPPORTED', [build.fragmentHeader(5, false, 2)]],
      // RFC 6946: whole in one fragment, and so not the first of others.
      ['redirect', [build.fragmentHeader(0, false, 2)]],
      ['drop IP_FRAGMENTATION_NOT_SUPPORTED', [build.fragmentHeader(5, false, 2)]],
      ['redirect', [build.extension(HOPOPTS), build.fragmentHeader(0, true, 3)]],
      ['redirect', [build.extension(HOPOPTS), build.fragmentHeader(5, false, 3)]],
      ['drop INVALID_IPV6_EXTENSION_HEADER', [build.fragmentHeader(0, true, 4), build.fragmentHeader(0, true, 4)]],
      ['drop INVALID_IPV6_EXTENSION_HEADER', [build.fragmentHeader(0, false, 5), build.fragmentHeader(0, true, 6)]],
    ];
    for (const [i, [expected, chain]] of chains.entries())
      expect(client.outcome(frame(chain)), `chain ${i}`).toBe(expected);
  });

  test('IPv4-mapped addresses do not belong on the wire', () => {
    const mapped = (address: string): string => `::ffff:${address}`;
    const [a, b] = [mapped(FAMILIES.IPv4.source), mapped(FAMILIES.IPv4.destination)];
    for (const ends of [
      { source: a, destination: b },
      { source: at.source, destination: b },
      { source: a, destination: at.destination },
    ]) {
      expect(client.outcome(build.frame(client.macs, build.ipv6(ends, build.udp(ports))))).toBe(
        'drop INVALID_PACKET_DROPPED',
      );
    }
  });
});

describe("what is not IP is the stack's", () => {
  const inner = build.ipv4(FAMILIES.IPv4, build.udp(ports, Buffer.alloc(32)));

  test('VLAN tags, stacked ones too, at every length', () => {
    const tags = (...types: number[]): Buffer => Buffer.concat(types.map((it, i) => build.vlanTag(100 + i, it)));
    const frames = [
      build.frame(client.macs, Buffer.concat([tags(ETHERTYPE.IPV4), inner]), ETHERTYPE.VLAN),
      build.frame(client.macs, Buffer.concat([tags(ETHERTYPE.VLAN, ETHERTYPE.IPV4), inner]), ETHERTYPE.QINQ),
      build.frame(
        client.macs,
        Buffer.concat([tags(ETHERTYPE.VLAN, ETHERTYPE.VLAN, ETHERTYPE.IPV4), inner]),
        ETHERTYPE.VLAN,
      ),
    ];
    for (const packet of frames) {
      for (let length = build.ETHERNET_BYTES; length <= packet.length; length++) {
        const handled = client.sendUnchanged(packet.subarray(0, length));
        expect(handled).toMatchObject({ verdict: 'ok', added: { ends: { 'PARSE.STACK': 1 } } });
      }
    }
  });

  test('other Ethernet types', () => {
    for (const type of [0, 46, 1500, 0x0600, ETHERTYPE.ARP, 0x8847, 0x8863, 0x8864, 0x88cc, 0x88e5, 0xffff]) {
      expect(client.sendUnchanged(build.frame(client.macs, inner, type))).toMatchObject({
        verdict: 'ok',
        added: { ends: { 'PARSE.STACK': 1 } },
      });
    }
  });

  test('an IP type over the other version is malformed', () => {
    expect(client.outcome(build.frame(client.macs, inner, ETHERTYPE.IPV6))).toBe('drop INVALID_PACKET_DROPPED');
    const v6 = build.ipv6(FAMILIES.IPv6, build.udp(ports));
    expect(client.outcome(build.frame(client.macs, v6, ETHERTYPE.IPV4))).toBe('drop INVALID_PACKET_DROPPED');
  });
});
