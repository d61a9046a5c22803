/** What is captured of DNS by UDP, of prepared packets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Capture, CaptureReader } from './capture-reader.ts';
import * as build from './packet-builder.ts';
import { TestBed } from './test-bed.ts';

const WINDOW = 1024;
const VIPS = ['10.96.0.53', 'fd96::53'];
const QUERY = Buffer.from('1234010000010000000000000473686f700000010001', 'hex');
const ANSWER = Buffer.concat([QUERY, Buffer.from('c00c00010001000000050004c0000207', 'hex')]);
ANSWER.writeUInt16BE(0x8180, 2);
ANSWER.writeUInt16BE(1, 6);

let bed: TestBed;
let reader: CaptureReader;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7d');
  bed.addService('dns', VIPS, 53, 5353, ['one']);
  reader = new CaptureReader(bed.datapath.maps.captures);
});
afterAll(() => {
  reader[Symbol.dispose]();
  bed[Symbol.dispose]();
});

function frameOf(pod: string, ends: build.Ends, ports: build.Ports, payload: Buffer): Buffer {
  const { podMac, hostMac } = bed.pod(pod);
  return build.frame({ source: podMac, destination: hostMac }, build.ip(ends, build.udp(ports, payload)));
}

function send(pod: string, packet: Buffer): void {
  const { verdict } = bed.inside(() => bed.runInside('from_pod', bed.pod(pod), packet));
  expect(verdict).toBe('redirect');
}

const short = (captures: Capture[]): string[] =>
  captures.map(
    (it) => `${it.protocol} ${it.isReply ? 'answer' : 'query'} ${it.bytes.length}/${it.length} ${it.flags.join()}`,
  );

describe.each([
  ['IPv4', 0, '10.42.0.10', '10.42.0.11'],
  ['IPv6', 1, 'fd42::10', 'fd42::11'],
] as const)('%s', (_, family, client, server) => {
  const there = { source: client, destination: server };
  const back = { source: server, destination: client };

  test('each datagram is captured, the first of a connection too', () => {
    const sourcePort = nextPort++;
    const ports = { sourcePort, destinationPort: 53 };
    send('client', frameOf('client', there, ports, QUERY));
    send('one', frameOf('one', back, { sourcePort: 53, destinationPort: sourcePort }, ANSWER));
    send('client', frameOf('client', there, ports, QUERY));
    const captures = reader.read();
    expect(short(captures)).toEqual(['DNS query 22/22 UDP', 'DNS answer 38/38 UDP', 'DNS query 22/22 UDP']);
    expect(captures.map((it) => it.bytes)).toEqual([QUERY, ANSWER, QUERY]);
    expect(new Set(captures.map((it) => it.record.connection_id)).size).toBe(1);
  });

  test('a server behind a service listens on another port', () => {
    const sourcePort = nextPort++;
    const vip = VIPS[family] ?? '';
    send('client', frameOf('client', { source: client, destination: vip }, { sourcePort, destinationPort: 53 }, QUERY));
    send('one', frameOf('one', back, { sourcePort: 5353, destinationPort: sourcePort }, ANSWER));
    const captures = reader.read();
    expect(short(captures)).toEqual(['DNS query 22/22 UDP', 'DNS answer 38/38 UDP']);
    expect(captures[0]?.record).toMatchObject({ destination_port: 5353, original_port: 53 });
  });

  test('a long datagram is cut', () => {
    const ports = { sourcePort: nextPort++, destinationPort: 53 };
    send('client', frameOf('client', there, ports, Buffer.concat([QUERY, Buffer.alloc(1200)])));
    expect(short(reader.read())).toEqual([`DNS query ${WINDOW}/1222 UDP`]);
  });

  test('of one in fragments, what the first has', () => {
    const ports = { sourcePort: nextPort++, destinationPort: 53 };
    const { podMac, hostMac } = bed.pod('client');
    const macs = { source: podMac, destination: hostMac };
    const whole = build.udp(ports, Buffer.concat([QUERY, Buffer.alloc(1200)]));
    send('client', build.frame(macs, build.fragment(there, whole, 7, 0, 400)));
    send('client', build.frame(macs, build.fragment(there, whole, 7, 400)));
    expect(short(reader.read())).toEqual(['DNS query 392/1222 UDP']);
  });

  test('what is no DNS is not captured, and not looked at for long', () => {
    const ports = { sourcePort: nextPort++, destinationPort: 53 };
    const opaque = frameOf('client', there, ports, Buffer.alloc(300));
    const query = frameOf('client', there, ports, QUERY);
    for (let i = 0; i < 4; i++) send('client', opaque);
    expect(reader.read()).toEqual([]);
    send('client', query);
    expect(short(reader.read())).toEqual(['DNS query 22/22 UDP']);
    send('client', opaque);
    send('client', query);
    expect(reader.read()).toEqual([]);
  });

  test('DNS on another port is not looked at', () => {
    send('client', frameOf('client', there, { sourcePort: nextPort++, destinationPort: 5300 }, QUERY));
    expect(reader.read()).toEqual([]);
  });
});
