/**
 * What prepared packets cannot be: frames whose VLAN tag the kernel has taken off before the programs see them, and
 * packets of which only a part lies in one piece. Sent by a pod as raw frames.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RECORD_TYPE } from '../../server/wire/lists.gen.ts';
import * as build from './packet-builder.ts';
import { until, World } from './world.ts';

const { ETHERNET_BYTES, ETHERTYPE } = build;
const JUMBO_MTU = '9000';
let world: World;

beforeAll(async () => {
  world = await World.create();
  await world.addPods('client', 'one');
  for (const pod of ['client', 'one']) {
    world.exec(pod, 'ip', 'link', 'set', 'eth0', 'mtu', JUMBO_MTU);
    world.exec('host', 'ip', 'link', 'set', world.pod(pod).hostInterface, 'mtu', JUMBO_MTU);
  }
});
afterAll(() => world[Symbol.asyncDispose]());

/** Sends frames from the pod `client`; see frame.py. */
function send(linear: number, ...frames: Buffer[]): void {
  const hex = frames.map((it) => it.toString('hex'));
  world.exec('client', 'python3', join(import.meta.dirname, 'frame.py'), 'eth0', String(linear), ...hex);
}

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const isV4 = family === 'IPv4';
  const of = (pod: string): string => (isV4 ? world.v4(pod) : world.v6(pod));
  const vip = isV4 ? '10.96.0.10' : 'fd96::10';
  const macs = (): build.Ends => ({ source: world.pod('client').podMac, destination: world.pod('client').hostMac });
  const datagram = (destination: string, payload: number, sourcePort: number): Buffer =>
    build.ip(
      { source: of('client'), destination },
      build.udp({ sourcePort, destinationPort: 5353 }, Buffer.alloc(payload, 7)),
    );
  /** Datagrams that a process of `one` has read, their checksums found right. */
  const read = (): number => {
    const name = isV4 ? 'UdpInDatagrams' : 'Udp6InDatagrams';
    return Number(new RegExp(`${name}\\s+(\\d+)`).exec(world.exec('one', 'nstat', '-asz', name))?.[1]);
  };

  beforeAll(async () => {
    await world.serve('one', 'udp', of('one'), 5353);
    world.setService(`udp-${family}`, [vip], 5353, 5353, 'UDP', ['one']);
  });

  test('a tagged frame is left to the network stack; a tag with only a priority is none', async () => {
    const type = isV4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
    const tagged = (tag: number, sourcePort: number): Buffer =>
      build.frame(
        macs(),
        Buffer.concat([build.vlanTag(tag, type), datagram(of('one'), 40, sourcePort)]),
        ETHERTYPE.VLAN,
      );
    const [before, priority] = [read(), 0xe000];
    world.records();
    send(0, tagged(5, 4001), tagged(4095, 4002), tagged(priority, 4003), tagged(0, 4004));
    // The programs have seen all four now.
    const seen = world.records().filter((it) => it.type === RECORD_TYPE.NEW && it.protocol === build.PROTOCOL.UDP);
    expect(seen.map((it) => it.source_port)).toEqual([4003, 4004]);
    await until('the datagrams with a priority', () => read() - before >= 2);
    expect(read() - before).toBe(2);
  });

  test('a packet whose headers lie in pages is read, translated and delivered', async () => {
    const before = read();
    const packets = [of('one'), vip].map((it, i) => datagram(it, 6000, 4100 + i));
    // The Ethernet header at least is in one piece; further cuts go through each of the headers.
    for (const linear of [ETHERNET_BYTES, ETHERNET_BYTES + 1, ETHERNET_BYTES + 21, ETHERNET_BYTES + 43]) {
      send(linear, ...packets.map((it) => build.frame(macs(), it)));
    }
    await until('all the datagrams', () => read() - before >= 8);
    expect(read() - before).toBe(8);
  });
});
