/**
 * Fragments as prepared packets: later ones go where their first went, translated like it, and never take the ports
 * of a datagram that is not theirs.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FRAGMENT_VALUE } from '../../server/kernel/layouts.gen.ts';
import * as build from './packet-builder.ts';
import { Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const VIPS = ['10.96.0.10', 'fd96::10'];
const UNKNOWN = 'drop IP_FRAGMENTATION_NOT_SUPPORTED';
let bed: TestBed;
let client: Sender;
let one: Sender;
let two: Sender;

beforeAll(async () => {
  bed = await TestBed.create('g');
  [client, one, two] = [new Sender(bed, 'client'), new Sender(bed, 'one'), new Sender(bed, 'two')];
  bed.addService('web', VIPS, 80, 8080, ['one']);
  bed.addService('other', VIPS, 81, 8181, ['two']);
});
afterAll(() => bed[Symbol.dispose]());

describe.each([
  ['IPv4', 0, '10.42.0.10', '10.42.0.11', '10.42.0.12'],
  ['IPv6', 1, 'fd42::10', 'fd42::11', 'fd42::12'],
] as const)('%s', (family, index, self, backend, other) => {
  const vip = VIPS[index] ?? '';
  const asked = { source: self, destination: vip };
  const delivered = { source: self, destination: backend };
  const payload = Buffer.from(Array.from({ length: 90 }, (_, i) => i));
  const frame = (packet: Buffer): Buffer => build.frame(client.macs, packet);
  /** Where a fragment to the service went, by the MAC address: `one`, `two`, or why it did not. */
  function wentTo(packet: Buffer): string {
    const { verdict, data, added } = client.send(frame(packet));
    if (verdict !== 'redirect') return `${verdict} ${Object.keys(added.drops).join()}`;
    const mac = data.subarray(0, 6);
    if (mac.equals(build.macBytes(one.macsIn.destination))) return 'one';
    return mac.equals(build.macBytes(two.macsIn.destination)) ? 'two' : mac.toString('hex');
  }

  describe.each([
    ['TCP', (ports: build.Ports) => build.tcp(ports, 0x10, payload), 32],
    ['UDP', (ports: build.Ports) => build.udp(ports, payload), 8],
  ] as const)('%s', (protocol, make, firstBytes) => {
    const sent = (sourcePort: number): build.Segment => make({ sourcePort, destinationPort: 80 });
    const received = (sourcePort: number): build.Segment => make({ sourcePort, destinationPort: 8080 });
    /** Where the datagram is cut; the second cut is the same for both. */
    const cuts: [from: number, to: number | undefined][] = [
      [0, firstBytes],
      [firstBytes, 64],
      [64, undefined],
    ];

    test('in order, and the later ones the wrong way round: the datagram that the backend puts together is right', () => {
      for (const [i, order] of [
        [0, 1, 2],
        [0, 2, 1],
        [0, 2, 1, 1],
      ].entries()) {
        const [id, sourcePort] = [100 + i, 1000 + i];
        const parts = new Map<number, Buffer>();
        for (const n of order) {
          const [from, to] = cuts[n] ?? [0, 0];
          const { verdict, data } = client.send(frame(build.fragment(asked, sent(sourcePort), id, from, to)));
          expect(verdict).toBe('redirect');
          const expected = build.frame(one.macsIn, build.fragment(delivered, received(sourcePort), id, from, to));
          expect(data.toString('hex')).toBe(expected.toString('hex'));
          parts.set(n, data.subarray(build.ETHERNET_BYTES + (family === 'IPv4' ? 20 : 48)));
        }
        const whole = Buffer.concat([0, 1, 2].map((n) => parts.get(n) ?? Buffer.alloc(0)));
        const number = build.PROTOCOL[protocol];
        expect(build.sums(build.ip(delivered, build.raw(number, whole))).transport).toBe(0xffff);
      }
    });

    test('one that comes before its first is refused, after it is delivered', () => {
      const [, [from, to]] = cuts as [unknown, [number, number]];
      const later = build.fragment(asked, sent(2000), 200, from, to);
      expect(client.outcome(frame(later))).toBe(UNKNOWN);
      expect(wentTo(build.fragment(asked, sent(2000), 200, 0, firstBytes))).toBe('one');
      expect(wentTo(later)).toBe('one');
    });

    test('the answer comes from the service, in its fragments too', () => {
      expect(client.send(frame(build.ip(asked, sent(3000)))).verdict).toBe('redirect');
      const ports = { sourcePort: 8080, destinationPort: 3000 };
      for (const [from, to] of cuts) {
        const packet = build.fragment({ source: backend, destination: self }, make(ports), 300, from, to);
        const { data } = one.send(build.frame(one.macs, packet));
        const back = { source: vip, destination: self };
        const expected = build.fragment(back, make({ ...ports, sourcePort: 80 }), 300, from, to);
        expect(data.toString('hex')).toBe(build.frame(client.macsIn, expected).toString('hex'));
      }
    });

    test('a second first fragment, with other ports: what follows goes where it went', () => {
      const to = (destinationPort: number): build.Segment => make({ sourcePort: 4000, destinationPort });
      expect(wentTo(build.fragment(asked, to(80), 400, 0, firstBytes))).toBe('one');
      expect(wentTo(build.fragment(asked, to(80), 400, 64))).toBe('one');
      expect(wentTo(build.fragment(asked, to(81), 400, 0, firstBytes))).toBe('two');
      expect(wentTo(build.fragment(asked, to(81), 400, 64))).toBe('two');
      // The service has no such port: nowhere, and not to either.
      expect(wentTo(build.fragment(asked, to(82), 400, 0, firstBytes))).toMatch(/^drop/);
      expect(wentTo(build.fragment(asked, to(82), 400, 64))).toMatch(/^drop/);
    });
  });

  test('another number, protocol, source or destination is another datagram', () => {
    const udp = build.udp({ sourcePort: 5000, destinationPort: 80 }, payload);
    expect(wentTo(build.fragment(asked, udp, 500, 0, 8))).toBe('one');
    const strangers = [
      build.fragment(asked, udp, 501, 64),
      build.fragment(asked, build.tcp({ sourcePort: 5000, destinationPort: 80 }, 0x10, payload), 500, 64),
      build.fragment({ source: self, destination: other }, udp, 500, 64),
      build.fragment({ source: other, destination: vip }, udp, 500, 64),
    ];
    for (const packet of strangers) expect(client.outcome(frame(packet))).toBe(UNKNOWN);
    expect(wentTo(build.fragment(asked, udp, 500, 64))).toBe('one');
  });

  test('a pod that borrows an address lends no ports to its owner', () => {
    const first = (destinationPort: number): Buffer =>
      build.fragment(asked, build.udp({ sourcePort: 6000, destinationPort }, payload), 600, 0, 8);
    const later = build.fragment(asked, build.udp({ sourcePort: 6000, destinationPort: 80 }, payload), 600, 64);
    expect(wentTo(first(80))).toBe('one');
    expect(two.outcome(build.frame(two.macs, first(81)))).toBe('drop INVALID_SOURCE_IP');
    expect(wentTo(later)).toBe('one');
  });

  test('after the time a receiver waits, the number belongs to another datagram', () => {
    const udp = build.udp({ sourcePort: 7000, destinationPort: 80 }, payload);
    expect(wentTo(build.fragment(asked, udp, 700, 0, 8))).toBe('one');
    const { fragments } = bed.datapath.maps;
    const { seen_ns } = FRAGMENT_VALUE.fields;
    const entries = Array.from(fragments.entries());
    for (const [key, value] of entries) {
      const aged = Buffer.from(value);
      aged.writeBigUInt64LE(aged.readBigUInt64LE(seen_ns.offset) - 61_000_000_000n, seen_ns.offset);
      fragments.set(key, aged);
    }
    expect(client.outcome(frame(build.fragment(asked, udp, 700, 64)))).toBe(UNKNOWN);
  });
});
