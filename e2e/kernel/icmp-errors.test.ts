/**
 * ICMP errors with prepared packets inside: translated like the connection they speak of, at every length, and refused
 * where they speak of what their sender never received.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as build from './packet-builder.ts';
import { reasonNames, Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const { ETHERNET_BYTES } = build;
const NO_CONNECTION = 'UNKNOWN_CONNECTION_TRACKING_STATE';
const VIPS = ['10.96.0.10', 'fd96::10'];
let bed: TestBed;
let client: Sender;
let one: Sender;
let two: Sender;

beforeAll(async () => {
  bed = await TestBed.create('e');
  [client, one, two] = [new Sender(bed, 'client'), new Sender(bed, 'one'), new Sender(bed, 'two')];
  bed.addService('web', VIPS, 80, 8080, ['one']);
});
afterAll(() => bed[Symbol.dispose]());

describe.each([
  ['IPv4', 0, '10.42.0.10', '10.42.0.11', '10.42.0.12', [3, 3]],
  ['IPv6', 1, 'fd42::10', 'fd42::11', 'fd42::12', [1, 4]],
] as const)('%s', (family, index, self, backend, other, [type, code]) => {
  const vip = VIPS[index] ?? '';
  const ipBytes = family === 'IPv4' ? 20 : 40;
  const embeddedAt = ETHERNET_BYTES + ipBytes + 8;
  const payload = Buffer.from('what was asked');
  const error = (at: build.Ends, inner: Buffer): Buffer =>
    build.ip(at, build.icmp(type, code, Buffer.concat([Buffer.alloc(4), inner])));

  describe.each([
    ['TCP', (ports: build.Ports) => build.tcp(ports, 0x02, payload), 16],
    ['UDP', (ports: build.Ports) => build.udp(ports, payload), 6],
  ] as const)('%s', (_, make, checksumAt) => {
    /** A connection, and the packet its backend received. */
    function received(sourcePort: number): Buffer {
      const sent = build.ip({ source: self, destination: vip }, make({ sourcePort, destinationPort: 80 }));
      expect(client.send(build.frame(client.macs, sent)).verdict).toBe('redirect');
      return build.ip({ source: self, destination: backend }, make({ sourcePort, destinationPort: 8080 }));
    }

    /** The packet as the client knows it, with the transport checksum that the backend saw: it is not translated. */
    function known(sourcePort: number, inner: Buffer): Buffer {
      const packet = build.ip({ source: self, destination: vip }, make({ sourcePort, destinationPort: 80 }));
      inner.copy(packet, ipBytes + checksumAt, ipBytes + checksumAt, ipBytes + checksumAt + 2);
      return packet;
    }

    test('one of the backend reaches the client as one of the service', () => {
      const inner = received(1000);
      const { verdict, data } = one.send(build.frame(one.macs, error({ source: backend, destination: self }, inner)));
      expect(verdict).toBe('redirect');
      const expected = build.frame(client.macsIn, error({ source: vip, destination: self }, known(1000, inner)));
      expect(data.toString('hex')).toBe(expected.toString('hex'));
    });

    test('cut at every length: refused while the ports are missing, then translated without harm to its checksum', () => {
      const inner = received(1001);
      const whole = build.frame(one.macs, error({ source: backend, destination: self }, inner));
      for (let length = ETHERNET_BYTES + ipBytes; length <= whole.length; length++) {
        const packet = whole.subarray(0, length);
        const { verdict, data, added } = one.send(packet);
        if (length < embeddedAt + ipBytes + 8) {
          expect(verdict, `${length} bytes`).toBe('drop');
          expect(reasonNames(added.drops)).toBe('CT_TRUNCATED_OR_INVALID_HEADER');
        } else {
          expect(verdict, `${length} bytes`).toBe('redirect');
          const [before, after] = [packet, data].map((it) => build.sums(it.subarray(ETHERNET_BYTES)));
          expect(after).toEqual(before);
          const expected = build.frame(client.macsIn, error({ source: vip, destination: self }, known(1001, inner)));
          const icmpChecksum = ETHERNET_BYTES + ipBytes + 2;
          data.copy(expected, icmpChecksum, icmpChecksum, icmpChecksum + 2);
          expect(data.toString('hex')).toBe(expected.subarray(0, length).toString('hex'));
        }
      }
    });

    test('refused: from a pod that did not receive it, to one that did not send it, about what never was', () => {
      const inner = received(1002);
      const never = build.ip({ source: self, destination: backend }, make({ sourcePort: 1003, destinationPort: 8080 }));
      const cases: [string, Sender, build.Ends, Buffer][] = [
        ['a third pod', two, { source: other, destination: self }, inner],
        ['a pod that the error is not addressed to', one, { source: backend, destination: other }, inner],
        ['no connection', one, { source: backend, destination: self }, never],
        ['the client about its own packet', client, { source: self, destination: backend }, inner],
        ['the head turned round', one, { source: backend, destination: self }, swapped(inner)],
        [
          'an error in an error',
          one,
          { source: backend, destination: self },
          error({ source: self, destination: backend }, inner),
        ],
        ['another protocol', one, { source: backend, destination: self }, withProtocol(inner, 132)],
      ];
      for (const [name, sender, at, embedded] of cases) {
        expect(sender.outcome(build.frame(sender.macs, error(at, embedded))), name).toBe(`drop ${NO_CONNECTION}`);
      }
      const spoofed = build.frame(two.macs, error({ source: backend, destination: self }, inner));
      expect(two.outcome(spoofed)).toBe('drop INVALID_SOURCE_IP');
      // And the connection they spoke of goes on.
      expect(one.send(build.frame(one.macs, error({ source: backend, destination: self }, inner))).verdict).toBe(
        'redirect',
      );
    });
  });

  /** The embedded packet with source and destination changed about, ports included. */
  function swapped(inner: Buffer): Buffer {
    const packet = Buffer.from(inner);
    const [at, size] = family === 'IPv4' ? [12, 4] : [8, 16];
    inner.copy(packet, at, at + size, at + 2 * size);
    inner.copy(packet, at + size, at, at + size);
    packet.writeUInt32BE(((inner.readUInt16BE(ipBytes + 2) << 16) | inner.readUInt16BE(ipBytes)) >>> 0, ipBytes);
    return packet;
  }

  function withProtocol(inner: Buffer, protocol: number): Buffer {
    const packet = Buffer.from(inner);
    packet[family === 'IPv4' ? 9 : 6] = protocol;
    return packet;
  }
});

test('what an embedded IPv4 header may claim: every version and length', () => {
  const ports = { sourcePort: 2000, destinationPort: 80 };
  client.send(
    build.frame(client.macs, build.ip({ source: '10.42.0.10', destination: '10.96.0.10' }, build.udp(ports))),
  );
  const inner = build.ip(
    { source: '10.42.0.10', destination: '10.42.0.11' },
    build.udp({ ...ports, destinationPort: 8080 }),
  );
  const forwarded: number[] = [];
  for (let first = 0; first < 256; first++) {
    const copy = Buffer.from(inner);
    copy[0] = first;
    const at = { source: '10.42.0.11', destination: '10.42.0.10' };
    const packet = build.ip(at, build.icmp(3, 3, Buffer.concat([Buffer.alloc(4), copy])));
    if (one.send(build.frame(one.macs, packet)).verdict === 'redirect') forwarded.push(first);
  }
  expect(forwarded).toEqual([0x45]);
});

test('nobody reports a later fragment: what stands where ports would be is payload', () => {
  const ports = { sourcePort: 2001, destinationPort: 80 };
  client.send(
    build.frame(client.macs, build.ip({ source: '10.42.0.10', destination: '10.96.0.10' }, build.udp(ports))),
  );
  const at = { source: '10.42.0.10', destination: '10.42.0.11' };
  for (const [fragmentOffset, expected] of [
    [0, 'redirect'],
    [1, 'drop'],
    [8191, 'drop'],
  ] as const) {
    const inner = build.ipv4(at, build.udp({ ...ports, destinationPort: 8080 }), {
      fragmentOffset,
      moreFragments: true,
    });
    const error = build.icmp(3, 3, Buffer.concat([Buffer.alloc(4), inner]));
    const packet = build.ip({ source: at.destination, destination: at.source }, error);
    expect(one.send(build.frame(one.macs, packet)).verdict).toBe(expected);
  }
});

test('errors about echo requests of both families', () => {
  for (const [self, peer, type, code] of [
    ['10.42.0.10', '10.42.0.11', 11, 0],
    ['fd42::10', 'fd42::11', 3, 0],
  ] as const) {
    const at = { source: self, destination: peer };
    const request = build.ip(at, build.echo(at, 77));
    client.send(build.frame(client.macs, request));
    const about = build.icmp(type, code, Buffer.concat([Buffer.alloc(4), request]));
    const packet = build.ip({ source: peer, destination: self }, about);
    expect(one.outcome(build.frame(one.macs, packet))).toBe('redirect');
    const other = build.icmp(type, code, Buffer.concat([Buffer.alloc(4), build.ip(at, build.echo(at, 78))]));
    const refused = build.ip({ source: peer, destination: self }, other);
    expect(one.outcome(build.frame(one.macs, refused))).toBe(`drop ${NO_CONNECTION}`);
  }
});
