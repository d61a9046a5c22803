/** What passes between pods and the world, as prepared packets through the uplink's programs, byte by byte. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as build from './packet-builder.ts';
import { reasonNames, Sender } from './sender.ts';
import { TestBed, UPLINK } from './test-bed.ts';

const { ETHERNET_BYTES, ETHERTYPE, PROTOCOL } = build;
const VIPS = ['10.96.0.10', 'fd96::10'];
const EXTERNAL = ['203.0.113.50', '2001:db8:50::50'];
let bed: TestBed;
let world: Sender;
let client: Sender;
let one: Sender;

beforeAll(async () => {
  bed = await TestBed.create('u');
  bed.addUplink();
  [world, client, one] = [new Sender(bed, 'uplink'), new Sender(bed, 'client'), new Sender(bed, 'one')];
  const vips = (n: number): string[] => [`10.96.0.${n}`, `fd96::${n}`];
  bed.addService('local', vips(10), 80, 8080, ['one'], { nodePort: 30_080, externalIPs: EXTERNAL });
  bed.addService('remote', vips(11), 80, 8080, [], { nodePort: 30_081, remote: ['10.43.0.20', 'fd43::20'] });
  bed.addService('both', vips(12), 80, 8080, ['one'], {
    nodePort: 30_082,
    remote: ['10.43.0.20', 'fd43::20', '10.43.0.21', 'fd43::21'],
    externalTrafficPolicy: 'Local',
  });
  bed.addService('elsewhere', vips(13), 80, 8080, [], {
    nodePort: 30_083,
    remote: ['10.43.0.20', 'fd43::20'],
    externalTrafficPolicy: 'Local',
  });
  bed.addService('nowhere', vips(14), 80, 8080, [], { nodePort: 30_084, externalTrafficPolicy: 'Local' });
});
afterAll(() => bed[Symbol.dispose]());

describe.each([
  ['IPv4', 0, UPLINK.v4, '198.51.100.7', '10.42.0.10', '10.42.0.11', '10.43.0.20', '203.0.113.9', '10.42.0.1'],
  ['IPv6', 1, UPLINK.v6, '2001:db8:7::7', 'fd42::10', 'fd42::11', 'fd43::20', '2001:db8:9::9', 'fd42::1'],
] as const)('%s', (family, index, node, far, self, local, remote, router, host) => {
  const ipBytes = family === 'IPv4' ? 20 : 40;
  const l4 = ETHERNET_BYTES + ipBytes;
  const vip = VIPS[index] ?? '';
  const hex = (macs: build.Ends, at: build.Ends, segment: build.Segment): string =>
    build.frame(macs, build.ip(at, segment)).toString('hex');
  const frame = (at: build.Ends, segment: build.Segment): Buffer => build.frame(world.macs, build.ip(at, segment));
  /** The port, or the identifier, under which a packet left. */
  const sourcePortOf = (data: Buffer): number => data.readUInt16BE(l4);
  const outcomeOf = (packet: Buffer): string => {
    const { verdict, added } = world.send(packet);
    return `${verdict} ${reasonNames(added.drops)}`.trim();
  };

  describe.each([
    ['TCP', (ports: build.Ports, flags: number, payload: Buffer) => build.tcp(ports, flags, payload), 16],
    ['UDP', (ports: build.Ports, _: number, payload: Buffer) => build.udp(ports, payload), 6],
  ] as const)('%s', (protocol, make, checksumAt) => {
    const payload = Buffer.from('what was asked!');
    /** A request from a client of the world to the node, and the same between other ends. */
    const asked = (sourcePort: number, destinationPort: number): build.Segment =>
      make({ sourcePort, destinationPort }, 0x02, payload);
    const answer = (sourcePort: number, destinationPort: number): build.Segment =>
      make({ sourcePort, destinationPort }, 0x12, payload);

    /** A connection of a pod with the world. @returns the port under which the world sees it. */
    function masqueraded(sourcePort: number, pod = client, source: string = self): number {
      const at = { source, destination: far };
      const { verdict, data } = pod.send(build.frame(pod.macs, build.ip(at, asked(sourcePort, 443))));
      expect(verdict).toBe('redirect');
      const port = sourcePortOf(data);
      expect(data.toString('hex')).toBe(hex(pod.macs, { source: node, destination: far }, asked(port, 443)));
      return port;
    }

    test("a pod's connection leaves under the node's address, and its answer finds back", () => {
      const port = masqueraded(1000);
      expect(port).toBeGreaterThanOrEqual(1024);
      expect(masqueraded(1000)).toBe(port);
      const back = world.send(frame({ source: far, destination: node }, answer(443, port)));
      expect(back.verdict).toBe('redirect');
      expect(back.data.toString('hex')).toBe(hex(client.macsIn, { source: far, destination: self }, answer(443, 1000)));
    });

    test('pods with the same port are told apart', () => {
      const ports = [masqueraded(1001), masqueraded(1001, one, local)];
      expect(ports[0]).not.toBe(ports[1]);
      for (const [i, [macs, pod]] of (
        [
          [client.macsIn, self],
          [one.macsIn, local],
        ] as const
      ).entries()) {
        const { data } = world.send(frame({ source: far, destination: node }, answer(443, ports[i] ?? 0)));
        expect(data.toString('hex')).toBe(hex(macs, { source: far, destination: pod }, answer(443, 1001)));
      }
    });

    test.each([
      ['node port', node, 30_080, 2000],
      ['external IP', EXTERNAL[index] ?? '', 80, 2001],
    ])('%s with a pod of this node: the source stays, the answer leaves by the uplink', (_, to, port, from) => {
      const { verdict, data } = world.send(frame({ source: far, destination: to }, asked(from, port)));
      expect(verdict).toBe('redirect');
      expect(data.toString('hex')).toBe(hex(one.macsIn, { source: far, destination: local }, asked(from, 8080)));
      const reply = build.ip({ source: local, destination: far }, answer(8080, from));
      const back = one.send(build.frame(one.macs, reply));
      expect(back.verdict).toBe('redirect');
      expect(back.data.toString('hex')).toBe(hex(one.macs, { source: to, destination: far }, answer(port, from)));
    });

    /** A connection to the node port whose backend is on another node. @returns the port between the nodes. */
    function throughNode(sourcePort: number): number {
      const { verdict, data } = world.send(frame({ source: far, destination: node }, asked(sourcePort, 30_081)));
      expect(verdict).toBe('redirect');
      const port = sourcePortOf(data);
      expect(data.toString('hex')).toBe(hex(world.macs, { source: node, destination: remote }, asked(port, 8080)));
      return port;
    }

    test('node port with a backend on another node: both addresses are translated, there and back', () => {
      const port = throughNode(2100);
      expect(throughNode(2100)).toBe(port);
      const back = world.send(frame({ source: remote, destination: node }, answer(8080, port)));
      expect(back.verdict).toBe('redirect');
      expect(back.data.toString('hex')).toBe(hex(world.macs, { source: node, destination: far }, answer(30_081, 2100)));
    });

    test('externalTrafficPolicy Local: only pods of this node; without one, no answer but where no node has one', () => {
      for (let sourcePort = 2200; sourcePort < 2232; sourcePort++) {
        const { data } = world.send(frame({ source: far, destination: node }, asked(sourcePort, 30_082)));
        const expected = hex(one.macsIn, { source: far, destination: local }, asked(sourcePort, 8080));
        expect(data.toString('hex')).toBe(expected);
      }
      expect(outcomeOf(frame({ source: far, destination: node }, asked(2300, 30_083)))).toBe('drop NO_LOCAL_BACKEND');
      const { verdict, data, added } = world.send(frame({ source: far, destination: node }, asked(2300, 30_084)));
      expect([verdict, reasonNames(added.drops)]).toEqual(['redirect', 'SERVICE_BACKEND_NOT_FOUND']);
      // Back to the router it came from.
      expect(data.subarray(0, 12).equals(build.frame(world.macsIn, Buffer.alloc(0)).subarray(0, 12))).toBe(true);
      expect(build.sums(data.subarray(ETHERNET_BYTES)).transport).toBe(0xffff);
    });

    describe('ICMP errors', () => {
      const tooBig = (at: build.Ends, inner: Buffer): Buffer => {
        const [type, code, mtu] = family === 'IPv4' ? [3, 4, [0, 0, 4, 176]] : [2, 0, [0, 0, 5, 0]];
        return build.ip(at, build.icmp(type, code, Buffer.concat([Buffer.from(mtu), inner])));
      };
      /** An error of a router about `wire`, which must arrive as one about `known`. */
      function expectTranslated(wire: Buffer, known: Buffer, to: { macs: build.Ends; address: string }): void {
        const packet = build.frame(world.macs, tooBig({ source: router, destination: node }, wire));
        const { verdict, data } = world.send(packet);
        expect(verdict).toBe('redirect');
        // The embedded transport checksum is not translated.
        const at = ipBytes + checksumAt;
        wire.copy(known, at, at, at + 2);
        const expected = build.frame(to.macs, tooBig({ source: router, destination: to.address }, known));
        expect(data.toString('hex')).toBe(expected.toString('hex'));
        expect(build.sums(data.subarray(ETHERNET_BYTES)).transport).toBe(0xffff);
      }

      test('about a masqueraded connection reaches its pod', () => {
        const port = masqueraded(3000);
        expectTranslated(
          build.ip({ source: node, destination: far }, asked(port, 443)),
          build.ip({ source: self, destination: far }, asked(3000, 443)),
          { macs: client.macsIn, address: self },
        );
      });

      test('about the answer of a node port reaches the pod that gave it', () => {
        expect(world.send(frame({ source: far, destination: node }, asked(3100, 30_080))).verdict).toBe('redirect');
        expectTranslated(
          build.ip({ source: node, destination: far }, answer(30_080, 3100)),
          build.ip({ source: local, destination: far }, answer(8080, 3100)),
          { macs: one.macsIn, address: local },
        );
      });

      test('about a node port with its backend on another node reach either end', () => {
        const port = throughNode(3200);
        expectTranslated(
          build.ip({ source: node, destination: far }, answer(30_081, 3200)),
          build.ip({ source: remote, destination: node }, answer(8080, port)),
          { macs: world.macs, address: remote },
        );
        expectTranslated(
          build.ip({ source: node, destination: remote }, asked(port, 8080)),
          build.ip({ source: far, destination: node }, asked(3200, 30_081)),
          { macs: world.macs, address: far },
        );
      });

      test("about the node's own connection are the node's, about nothing a pod does are refused", () => {
        const about = (at: build.Ends): Buffer =>
          build.frame(world.macs, tooBig({ source: router, destination: at.source }, build.ip(at, asked(55_555, 9))));
        expect(world.sendUnchanged(about({ source: node, destination: far })).added.ends).toEqual({
          'FLOW_CACHE.STACK': 1,
        });
        expect(outcomeOf(about({ source: self, destination: far }))).toBe('drop UNKNOWN_CONNECTION_TRACKING_STATE');
      });
    });

    test('who comes from outside has no address of this node or its pods', () => {
      for (const source of [self, local, node, host]) {
        const targets = [
          [local, 8080],
          [node, 30_080],
          [node, 30_081],
        ] as const;
        for (const [destination, port] of targets) {
          expect(outcomeOf(frame({ source, destination }, asked(4000, port)))).toBe('drop INVALID_SOURCE_IP');
        }
      }
    });

    test('nor when it speaks in a connection that a pod or the node has begun', () => {
      const fromPod = { source: self, destination: local };
      expect(client.send(build.frame(client.macs, build.ip(fromPod, asked(4100, 8080)))).verdict).toBe('redirect');
      const fromHost = { source: host, destination: local };
      const packet = build.frame(one.macsIn, build.ip(fromHost, asked(4101, 8080)));
      expect(bed.handle('to_pod', 'one', packet).verdict).toBe('ok');
      expect(outcomeOf(frame(fromPod, asked(4100, 8080)))).toBe('drop INVALID_SOURCE_IP');
      expect(outcomeOf(frame(fromHost, asked(4101, 8080)))).toBe('drop INVALID_SOURCE_IP');
      const answers = { source: local, destination: self };
      expect(outcomeOf(frame(answers, answer(8080, 4100)))).toBe('drop INVALID_SOURCE_IP');
    });

    test("what is the node's own is left to it, and is no flow", () => {
      const own = [
        frame({ source: far, destination: node }, asked(5000, 22)),
        frame({ source: far, destination: node }, answer(443, 40_000)),
        frame({ source: far, destination: vip }, asked(5000, 80)), // a cluster IP is not offered outside
        frame({ source: far, destination: index === 0 ? '224.0.0.1' : 'ff02::1' }, asked(1, 2)),
      ];
      for (const packet of own) {
        const { verdict, added } = world.sendUnchanged(packet);
        expect([verdict, added.packets]).toEqual(['ok', 0]);
      }
      const tuple = { source: far, destination: node, sourcePort: 5000, destinationPort: 22 };
      expect(bed.hasFlow({ ...tuple, protocol: PROTOCOL[protocol] })).toBe(false);
    });

    test('cut at every length: a pod is spared it, the node has it', () => {
      const headerBytes = protocol === 'TCP' ? 20 : 8;
      const toPod = frame({ source: far, destination: local }, asked(6000, 8080));
      const toNode = frame({ source: far, destination: node }, asked(6001, 30_080));
      for (let length = l4; length <= toPod.length; length++) {
        const isWhole = length >= l4 + headerBytes;
        expect(outcomeOf(toPod.subarray(0, length))).toBe(isWhole ? 'redirect' : 'drop CT_TRUNCATED_OR_INVALID_HEADER');
        expect(outcomeOf(toNode.subarray(0, length))).toBe(isWhole ? 'redirect' : 'ok');
      }
    });

    test('fragments of an answer to a masqueraded connection follow their first', () => {
      const port = masqueraded(7000);
      const segment = (destinationPort: number): build.Segment =>
        make({ sourcePort: 443, destinationPort }, 0x10, Buffer.alloc(100, 3));
      for (const [from, to] of [
        [0, 40],
        [40, 80],
        [80, undefined],
      ] as const) {
        const packet = build.fragment({ source: far, destination: node }, segment(port), 7, from, to);
        const { data } = world.send(build.frame(world.macs, packet));
        const expected = build.fragment({ source: far, destination: self }, segment(7000), 7, from, to);
        expect(data.toString('hex')).toBe(build.frame(client.macsIn, expected).toString('hex'));
      }
    });
  });

  test("echo requests leave with an identifier of the node's, and errors about them find back", () => {
    const at = { source: self, destination: far };
    const out = { source: node, destination: far };
    const { verdict, data } = client.send(build.frame(client.macs, build.ip(at, build.echo(at, 7))));
    expect(verdict).toBe('redirect');
    const id = data.readUInt16BE(l4 + 4);
    expect(data.toString('hex')).toBe(hex(client.macs, out, build.echo(out, id)));
    const back = { source: far, destination: node };
    const reply = world.send(frame(back, build.echo(back, id, true)));
    const home = { source: far, destination: self };
    expect(reply.data.toString('hex')).toBe(hex(client.macsIn, home, build.echo(home, 7, true)));
    // Time exceeded, as traceroute lives on.
    const exceeded = (to: string, inner: Buffer): Buffer => {
      const type = family === 'IPv4' ? 11 : 3;
      return build.ip(
        { source: router, destination: to },
        build.icmp(type, 0, Buffer.concat([Buffer.alloc(4), inner])),
      );
    };
    const wire = build.ip(out, build.echo(out, id));
    const known = build.ip(at, build.echo(at, 7));
    wire.copy(known, ipBytes + 2, ipBytes + 2, ipBytes + 4);
    const error = world.send(build.frame(world.macs, exceeded(node, wire)));
    expect(error.data.toString('hex')).toBe(build.frame(client.macsIn, exceeded(self, known)).toString('hex'));
  });

  test('where the uplink has no address of the family, nothing of it leaves', () => {
    bed.setUplink({ [family === 'IPv4' ? 'v4' : 'v6']: '' });
    const out = build.ip({ source: self, destination: far }, build.udp({ sourcePort: 5, destinationPort: 53 }));
    const { verdict, added } = client.send(build.frame(client.macs, out));
    const asked = outcomeOf(
      frame({ source: far, destination: node }, build.tcp({ sourcePort: 5, destinationPort: 30_081 }, 0x02)),
    );
    bed.setUplink({});
    expect(`${verdict} ${reasonNames(added.drops)}`).toBe('drop NO_NODE_ADDRESS');
    expect(asked).toBe('drop NO_NODE_ADDRESS');
  });

  test("pings of the node, protocols we do not know, and stray fragments are the node's", () => {
    const at = { source: far, destination: node };
    const packets = [
      build.ip(at, build.echo(at, 1)),
      build.ip(at, build.raw(47, Buffer.alloc(40))),
      build.ip(at, build.raw(132, Buffer.alloc(40))),
      build.fragment(at, build.udp({ sourcePort: 1, destinationPort: 2 }, Buffer.alloc(99)), 9, 64),
    ];
    for (const packet of packets) {
      const { verdict, added } = world.sendUnchanged(build.frame(world.macs, packet));
      expect([verdict, added.packets]).toEqual(['ok', 0]);
    }
  });

  test('VLAN tags and other frames pass', () => {
    const inner = build.ip({ source: far, destination: local }, build.udp({ sourcePort: 1, destinationPort: 2 }));
    const type = family === 'IPv4' ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
    for (const packet of [
      build.frame(world.macs, Buffer.concat([build.vlanTag(5, type), inner]), ETHERTYPE.VLAN),
      build.frame(world.macs, inner, ETHERTYPE.ARP),
      build.frame(world.macs, inner, 0x88cc),
    ]) {
      expect(world.sendUnchanged(packet)).toMatchObject({ verdict: 'ok', added: { ends: { 'PARSE.STACK': 1 } } });
    }
  });

  test("what leaves by the uplink is untouched, unless it is the answer of one of the node's own backends", () => {
    const packets = [
      build.ip({ source: node, destination: far }, build.tcp({ sourcePort: 40_000, destinationPort: 443 })),
      build.ip({ source: node, destination: far }, build.raw(47, Buffer.alloc(40))),
      build.fragment({ source: node, destination: far }, build.udp({ sourcePort: 1, destinationPort: 2 }), 9, 8),
    ].map((it) => build.frame(world.macsIn, it));
    for (const packet of packets) {
      const { verdict, data, added } = bed.handle('to_uplink', 'uplink', packet);
      expect([verdict, data.toString('hex'), added.packets]).toEqual(['ok', packet.toString('hex'), 0]);
    }
  });
});
