/**
 * Service translation of prepared packets, byte by byte against packets built for the other address: addresses,
 * ports and checksums change, nothing else does, and a wrong checksum stays exactly as wrong as it was.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountingFault } from './accounting.ts';
import * as build from './packet-builder.ts';
import { Sender } from './sender.ts';
import { TestBed } from './test-bed.ts';

const { ETHERNET_BYTES } = build;
const VIPS = ['10.96.0.10', 'fd96::10'];
const OWN_VIPS = ['10.96.0.11', 'fd96::11'];
let bed: TestBed;
let client: Sender;
let one: Sender;

beforeAll(async () => {
  bed = await TestBed.create('t');
  client = new Sender(bed, 'client');
  one = new Sender(bed, 'one');
  bed.addService('web', VIPS, 80, 8080, ['one']);
  bed.addService('own', OWN_VIPS, 80, 8080, ['client']);
});
afterAll(() => bed[Symbol.dispose]());

describe.each([
  ['IPv4', 0, '10.42.0.10', '10.42.0.11', '169.254.42.1'],
  ['IPv6', 1, 'fd42::10', 'fd42::11', 'fd53:7079:676c::1'],
] as const)('%s', (family, index, self, backend, hairpin) => {
  const vip = VIPS[index] ?? '';
  const l4 = ETHERNET_BYTES + (family === 'IPv4' ? 20 : 40);
  const asked = { source: self, destination: vip };
  const delivered = { source: self, destination: backend };
  const protocols = {
    TCP: { make: build.tcp, checksumAt: l4 + 16 },
    UDP: { make: (ports: build.Ports, _: number, payload: Buffer) => build.udp(ports, payload), checksumAt: l4 + 6 },
  };
  const request = (protocol: keyof typeof protocols, sourcePort: number, payload: Buffer): Buffer =>
    build.frame(
      client.macs,
      build.ip(asked, protocols[protocol].make({ sourcePort, destinationPort: 80 }, 0x02, payload)),
    );
  const atBackend = (protocol: keyof typeof protocols, sourcePort: number, payload: Buffer): Buffer =>
    build.frame(
      one.macsIn,
      build.ip(delivered, protocols[protocol].make({ sourcePort, destinationPort: 8080 }, 0x02, payload)),
    );
  /** What a checksum that ends up as 0 needs: a payload that makes the sum all ones. */
  const zeroing = (make: (payload: Buffer) => Buffer, checksumAt: number): Buffer =>
    Buffer.from(make(Buffer.alloc(2)).subarray(checksumAt, checksumAt + 2));

  describe.each(['TCP', 'UDP'] as const)('%s', (protocol) => {
    test('a request and its answer become exactly the packets for the other address', () => {
      for (let size = 0; size < 12; size++) {
        const payload = Buffer.alloc(size, 0x80 + size);
        const sourcePort = 1000 + size;
        // The first packet, and one that finds the entry.
        for (let again = 0; again < 2; again++) {
          const sent = client.send(request(protocol, sourcePort, payload));
          expect(sent.verdict).toBe('redirect');
          expect(sent.data.toString('hex')).toBe(atBackend(protocol, sourcePort, payload).toString('hex'));
        }
        const reversed = { source: backend, destination: self };
        const answerPorts = { sourcePort: 8080, destinationPort: sourcePort };
        const answer = build.frame(one.macs, build.ip(reversed, protocols[protocol].make(answerPorts, 0x12, payload)));
        const translated = protocols[protocol].make({ ...answerPorts, sourcePort: 80 }, 0x12, payload);
        const expected = build.frame(client.macsIn, build.ip({ source: vip, destination: self }, translated));
        expect(one.send(answer).data.toString('hex')).toBe(expected.toString('hex'));
      }
    });

    test('a checksum that becomes 0', () => {
      const payload = zeroing((it) => atBackend(protocol, 2000, it), protocols[protocol].checksumAt);
      const expected = atBackend(protocol, 2000, payload);
      expect(expected.readUInt16BE(protocols[protocol].checksumAt)).toBe(protocol === 'UDP' ? 0xffff : 0);
      const { data } = client.send(request(protocol, 2000, payload));
      expect(build.sums(data.subarray(ETHERNET_BYTES)).transport).toBe(0xffff);
      if (protocol === 'UDP') expect(data.toString('hex')).toBe(expected.toString('hex'));
    });

    test('a wrong checksum stays as wrong as it was', () => {
      const { checksumAt } = protocols[protocol];
      const payload = Buffer.from('odd');
      for (const [i, wrong] of [1, 2, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe].entries()) {
        const packet = request(protocol, 3000 + i, payload);
        packet.writeUInt16BE((packet.readUInt16BE(checksumAt) + wrong) & 0xffff || 1, checksumAt);
        if (family === 'IPv4') packet.writeUInt16BE(packet.readUInt16BE(24) ^ wrong, 24);
        const before = build.sums(packet.subarray(ETHERNET_BYTES));
        expect(before.transport).not.toBe(0xffff);
        const { data } = client.send(packet);
        expect(build.sums(data.subarray(ETHERNET_BYTES))).toEqual(before);
        // Beside the checksums, it is the packet for the backend.
        const expected = atBackend(protocol, 3000 + i, payload);
        for (const at of family === 'IPv4' ? [24, checksumAt] : [checksumAt]) data.copy(expected, at, at, at + 2);
        expect(data.toString('hex')).toBe(expected.toString('hex'));
      }
    });

    test('a pod that reaches itself through its service', () => {
      const ownVip = OWN_VIPS[index] ?? '';
      const { make } = protocols[protocol];
      const payload = Buffer.from('loop');
      const out = build.ip(
        { source: self, destination: ownVip },
        make({ sourcePort: 4000, destinationPort: 80 }, 0x02, payload),
      );
      const expectedOut = build.ip(
        { source: hairpin, destination: self },
        make({ sourcePort: 4000, destinationPort: 8080 }, 0x02, payload),
      );
      expect(client.send(build.frame(client.macs, out)).data.toString('hex')).toBe(
        build.frame(client.macsIn, expectedOut).toString('hex'),
      );
      const back = build.ip(
        { source: self, destination: hairpin },
        make({ sourcePort: 8080, destinationPort: 4000 }, 0x12, payload),
      );
      const expectedBack = build.ip(
        { source: ownVip, destination: self },
        make({ sourcePort: 80, destinationPort: 4000 }, 0x12, payload),
      );
      expect(client.send(build.frame(client.macs, back)).data.toString('hex')).toBe(
        build.frame(client.macsIn, expectedBack).toString('hex'),
      );
    });

    test('a packet of several segments counts as what it becomes', () => {
      const packet = request(protocol, 5000, Buffer.alloc(3000));
      const headers = protocols[protocol].checksumAt - ETHERNET_BYTES + (protocol === 'TCP' ? 4 : 2);
      for (const [gsoSegs, gsoSize] of [
        [3, 1000],
        [30, 100],
        [3000, 1],
        [65_535, 1],
      ] as const) {
        const handled = bed.handle('from_pod', 'client', packet, { gsoSegs, gsoSize });
        const bytes = packet.length - ETHERNET_BYTES + (gsoSegs - 1) * headers;
        expect(accountingFault(packet, handled, gsoSegs, bytes)).toBeUndefined();
      }
    });
  });
});

test('a UDP packet without checksum stays without', () => {
  const none = (destination: string, destinationPort: number): Buffer =>
    build.ip(
      { source: '10.42.0.10', destination },
      build.udp({ sourcePort: 7000, destinationPort }, Buffer.from('bare'), false),
    );
  const { data } = client.send(build.frame(client.macs, none('10.96.0.10', 80)));
  expect(data.toString('hex')).toBe(build.frame(one.macsIn, none('10.42.0.11', 8080)).toString('hex'));
});
