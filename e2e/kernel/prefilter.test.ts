/** The deny list at the uplink, with prepared packets: what is on it ends there, all else passes untouched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDenyList } from '../../server/agent/deny-list.ts';
import * as build from './packet-builder.ts';
import { reasonNames } from './sender.ts';
import { TestBed, UPLINK } from './test-bed.ts';

const { ETHERNET_BYTES, ETHERTYPE } = build;
const MACS = { source: '02:00:00:00:01:02', destination: '02:00:00:00:01:01' };
const ports = { sourcePort: 1, destinationPort: 2 };
let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.create('x');
  bed.addUplink();
  bed.datapath.setDenied(parseDenyList('203.0.113.0/24\n198.51.100.7\n2001:db8:bad::/48', 'list'));
});
afterAll(() => bed[Symbol.dispose]());

function packetFrom(source: string): Buffer {
  const destination = source.includes(':') ? UPLINK.v6 : UPLINK.v4;
  return build.frame(MACS, build.ip({ source, destination }, build.udp(ports)));
}

test.each([
  ['203.0.113.0', false],
  ['203.0.113.255', false],
  ['203.0.112.255', true],
  ['203.0.114.0', true],
  ['198.51.100.7', false],
  ['198.51.100.6', true],
  ['2001:db8:bad::', false],
  ['2001:db8:bad:ffff:ffff:ffff:ffff:ffff', false],
  ['2001:db8:bae::', true],
] as const)('%s passes: %s', (source, passes) => {
  const packet = packetFrom(source);
  const handled = bed.prefilter(packet);
  expect(handled.passes).toBe(passes);
  expect(handled.data.equals(packet)).toBe(true);
  const { added } = handled;
  expect(reasonNames(added.drops)).toBe(passes ? '' : 'DENY_LIST');
  expect(added.ends).toEqual(passes ? {} : { 'PREFILTER.DROP': 1 });
  expect(added.packets).toBe(passes ? 0 : 1);
  expect(added.bytes).toBe(passes ? 0 : packet.length - ETHERNET_BYTES);
});

test('cut at every length: dropped once its source can be read', () => {
  for (const [source, ipBytes] of [
    ['203.0.113.1', 20],
    ['2001:db8:bad::1', 40],
  ] as const) {
    const packet = packetFrom(source);
    for (let length = ETHERNET_BYTES; length <= packet.length; length++) {
      const { passes } = bed.prefilter(packet.subarray(0, length));
      expect(passes, `${source}, ${length} bytes`).toBe(length < ETHERNET_BYTES + ipBytes);
    }
  }
});

test('what is not IP passes', () => {
  const inner = packetFrom('203.0.113.1').subarray(ETHERNET_BYTES);
  const tagged = Buffer.concat([build.vlanTag(5, ETHERTYPE.IPV4), inner]);
  expect(bed.prefilter(build.frame(MACS, tagged, ETHERTYPE.VLAN)).passes).toBe(true);
  expect(bed.prefilter(build.frame(MACS, inner, ETHERTYPE.ARP)).passes).toBe(true);
});
