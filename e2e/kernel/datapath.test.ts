/** The datapath with real packets: who reaches whom, what is translated, dropped, counted and reported. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowSweeper } from '../../server/agent/flow-sweep.ts';
import { FLOW_ENTRY, FLOW_KEY } from '../../server/kernel/layouts.gen.ts';
import { readStruct } from '../../server/wire/struct.ts';
import { openBpfDescriptors } from '../../server/kernel/fd.ts';
import type { EdgeCounters } from '../../server/wire/agent.ts';
import { DROP_REASON, RECORD_TYPE, VERDICT } from '../../server/wire/lists.gen.ts';
import { type KernelRecord, until, World } from './world.ts';

let world: World;

const CLOSE_FIRST = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
s.shutdown(socket.SHUT_WR)
while s.recv(99): pass
s.close()
`;
let descriptors: string[];

beforeAll(async () => {
  descriptors = openBpfDescriptors();
  world = await World.create();
  await world.addPods('client', 'one', 'two');
  for (const pod of ['one', 'two']) {
    for (const address of [world.v4(pod), world.v6(pod)]) {
      await world.serve(pod, 'tcp', address, 8080);
      await world.serve(pod, 'udp', address, 5353);
    }
  }
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  expect(openBpfDescriptors()).toEqual(descriptors);
});

describe.each(['IPv4', 'IPv6'])('%s', (family) => {
  const of = (pod: string): string => (family === 'IPv4' ? world.v4(pod) : world.v6(pod));
  const host = family === 'IPv4' ? '10.42.0.1' : 'fd42::1';
  const vip = (last: number): string => (family === 'IPv4' ? `10.96.0.${last}` : `fd96::${last}`);

  test('pods reach each other over TCP, UDP and ICMP', () => {
    expect(world.ask('client', 'tcp', of('one'), 8080, 3)).toEqual({ one: 3 });
    expect(world.ask('client', 'udp', of('one'), 5353, 3)).toEqual({ one: 3 });
    expect(world.succeeds('client', 'ping', '-c1', '-W1', of('two'))).toBe(true);
  });

  test('pod and host reach each other', async () => {
    await world.serve('host', 'tcp', host, 9000, 'host');
    expect(world.ask('client', 'tcp', host, 9000, 2)).toEqual({ host: 2 });
    expect(world.ask('host', 'tcp', of('one'), 8080, 2)).toEqual({ one: 2 });
    expect(world.succeeds('host', 'ping', '-c1', '-W1', of('one'))).toBe(true);
    expect(world.succeeds('client', 'ping', '-c1', '-W1', host)).toBe(true);
  });

  test('a service spreads connections over its backends and translates their answers', () => {
    world.setService(`tcp-${family}`, [vip(10)], 80, 8080, 'TCP', ['one', 'two']);
    world.setService(`udp-${family}`, [vip(11)], 53, 5353, 'UDP', ['one', 'two']);
    for (const [protocol, address, port] of [['tcp', vip(10), 80] as const, ['udp', vip(11), 53] as const]) {
      const answers = world.ask('client', protocol, address, port, 40);
      expect((answers['one'] ?? 0) + (answers['two'] ?? 0)).toBe(40);
      expect(answers['one']).toBeGreaterThan(0);
      expect(answers['two']).toBeGreaterThan(0);
    }
  });

  test('a pod reaches itself through its own service', () => {
    world.setService(`self-${family}`, [vip(12)], 80, 8080, 'TCP', ['one']);
    expect(world.ask('one', 'tcp', vip(12), 80, 2)).toEqual({ one: 2 });
  });

  test('an ICMP error of a backend reaches the client as one of the service', () => {
    world.setService(`closed-${family}`, [vip(13)], 99, 4444, 'UDP', ['one']);
    expect(world.ask('client', 'udp', vip(13), 99, 2)).toEqual({ '<ECONNREFUSED>': 2 });
  });

  test('a service without backends refuses, and counts a drop with its reason', () => {
    world.setService(`empty-${family}`, [vip(14)], 80, 8080, 'TCP', []);
    world.records();
    const before = world.drops()[DROP_REASON.SERVICE_BACKEND_NOT_FOUND] ?? 0;
    expect(world.ask('client', 'tcp', vip(14), 80, 1)).toEqual({ '<ECONNREFUSED>': 1 });
    const [record] = world.records().filter((it) => it.type === RECORD_TYPE.DROP);
    expect(record).toMatchObject({
      verdict: VERDICT.DROPPED,
      drop_reason: DROP_REASON.SERVICE_BACKEND_NOT_FOUND,
      source_endpoint: world.pod('client').endpointId,
      destination_port: 80,
    });
    expect(record?.service_id).toBeGreaterThan(0);
    expect(world.drops()[DROP_REASON.SERVICE_BACKEND_NOT_FOUND]).toBeGreaterThan(before);
  });

  test('an address without route or pod drops with its reason', () => {
    world.records();
    world.ask('client', 'udp', family === 'IPv4' ? '198.51.100.7' : '2001:db8::7', 443, 1);
    world.ask('client', 'udp', family === 'IPv4' ? '10.42.0.250' : 'fd42::ffff', 443, 1);
    const reasons = world
      .records()
      .filter((it) => it.type === RECORD_TYPE.DROP)
      .map((it) => it.drop_reason);
    expect(reasons).toEqual([DROP_REASON.FIB_LOOKUP_FAILED, DROP_REASON.STALE_OR_UNROUTABLE_IP]);
  });

  test('a pod sends only from its own addresses', () => {
    const foreign = family === 'IPv4' ? '10.9.9.9' : 'fd99::9';
    world.exec('client', 'ip', 'address', 'add', foreign, 'dev', 'eth0', ...(family === 'IPv6' ? ['nodad'] : []));
    world.records();
    expect(world.ask('client', 'udp', of('one'), 5353, 1, foreign)).toEqual({ '<TIMEOUT>': 1 });
    // The address of another pod, on a tuple that is in the cache, is no better.
    world.exec('client', 'ip', 'address', 'add', of('two'), 'dev', 'eth0', ...(family === 'IPv6' ? ['nodad'] : []));
    expect(world.ask('client', 'udp', of('one'), 5353, 1, of('two'))).toEqual({ '<TIMEOUT>': 1 });
    world.exec('client', 'ip', 'address', 'del', foreign, 'dev', 'eth0');
    world.exec('client', 'ip', 'address', 'del', of('two'), 'dev', 'eth0');
    const reasons = new Set(
      world
        .records()
        .filter((it) => it.type === RECORD_TYPE.DROP)
        .map((it) => it.drop_reason),
    );
    expect(reasons).toEqual(new Set([DROP_REASON.INVALID_SOURCE_IP]));
  });

  test('edges count every connection and every packet', () => {
    const before = world.edges('client', 'two').filter((it) => it.port === 8080 && it.service_id === 0);
    const connections = before.reduce((sum, it) => sum + it.connections, 0);
    const answered = before.reduce((sum, it) => sum + it.answered, 0);
    world.ask('client', 'tcp', of('two'), 8080, 25);
    const after = world.edges('client', 'two').filter((it) => it.port === 8080 && it.service_id === 0);
    expect(after.reduce((sum, it) => sum + it.connections, 0) - connections).toBe(25);
    expect(after.reduce((sum, it) => sum + it.answered, 0) - answered).toBe(25);
    expect(after.flatMap((it) => it.rtt_histogram).reduce((sum, it) => sum + it, 0)).toBeGreaterThanOrEqual(25);
  });

  test('a connection reports its first packet, its flags and its end', () => {
    world.records();
    world.ask('client', 'tcp', vip(10), 80, 1);
    const records = world.records().filter((it) => it.protocol === 6);
    const ids = new Set(records.map((it) => it.connection_id));
    expect(ids.size).toBe(1);
    const types = records.map((it) => it.type);
    expect(types[0]).toBe(RECORD_TYPE.NEW);
    expect(types).toContain(RECORD_TYPE.FLAGS);
    expect(types).toContain(RECORD_TYPE.CLOSE);
    const close = records.find((it) => it.type === RECORD_TYPE.CLOSE);
    expect(close?.rtt_ns).toBeGreaterThan(0);
    expect(close?.service_id).toBeGreaterThan(0);
    // Every record of it names the same two ends, whichever direction it goes.
    const ends = new Set(
      records.map((it) =>
        [Buffer.from(it.source).toString('hex'), Buffer.from(it.destination).toString('hex')].toSorted().join(),
      ),
    );
    expect(ends.size).toBe(1);
  });
});

/** Counts the client's packets to a pod (any, if it is the client itself) from now on, on the edges that `selects`. */
function packetCount(pod: string, selects: (edge: EdgeCounters) => boolean): () => number {
  const pods = pod === 'client' ? ['one', 'two'] : [pod];
  const edges = (): EdgeCounters[] => pods.flatMap((it) => world.edges('client', it)).filter((it) => selects(it));
  const count = (): number => edges().reduce((sum, it) => sum + it.packets, 0);
  const before = count();
  return () => count() - before;
}

/** A counter of the pod's own kernel, such as TcpOutSegs. */
function counter(pod: string, name: string): number {
  return Number(new RegExp(`${name}\\s+(\\d+)`).exec(world.exec(pod, 'nstat', '-asz', name))?.[1]);
}

test('counters equal what the sender says it sent', () => {
  const segments = (): number => counter('client', 'TcpOutSegs');
  const count = (): number => world.edges('client', 'one').reduce((sum, it) => sum + it.packets, 0);
  const [sentBefore, countedBefore] = [segments(), count()];
  world.ask('client', 'tcp', world.v4('one'), 8080, 50);
  expect(count() - countedBefore).toBe(segments() - sentBefore);
});

test('bulk traffic is counted in the segments it becomes, not in the large packets the stack hands over', async () => {
  const edges = () => world.edges('client', 'one').filter((it) => it.port === 5201);
  const server = spawn('nsenter', [`--net=/run/netns/${world.pod('one').netns}`, 'iperf3', '-s', '-1', '--forceflush']);
  await new Promise((resolve) => server.stdout.once('data', resolve));
  // A window that fits into the queue between the pods, so that nothing is lost before the datapath sees it.
  const sent = (): number => counter('client', 'TcpOutSegs') + counter('client', 'TcpRetransSegs');
  const [before, again] = [sent(), counter('client', 'TcpRetransSegs')];
  const told: { end: { sum_sent: { bytes: number }; sum_received: { bytes: number } } } = JSON.parse(
    world.exec('client', 'iperf3', '-J', '-c', world.v4('one'), '-n', '64M', '-w', '128K'),
  );
  const packets = edges().reduce((sum, it) => sum + it.packets, 0);
  expect(packets).toBe(sent() - before);
  // The payload lies between what the server read and what the client wrote (iperf3 stops a block or two late, and the
  // server closes without reading the last). Beside it: 52 bytes of headers a segment, what was sent again, and a little
  // for iperf3's own words.
  const bytes = edges().reduce((sum, it) => sum + it.bytes, 0) - packets * 52;
  expect(bytes).toBeGreaterThan(told.end.sum_received.bytes);
  expect(bytes).toBeLessThan(told.end.sum_sent.bytes + 4096 + (counter('client', 'TcpRetransSegs') - again) * 1500);
});

test('an open connection does not notice a restart of the agent', async () => {
  const tcp = await world.start('client', 'hold', 'tcp', '10.96.0.10', '80');
  const udp = await world.start('client', 'hold', 'udp', '10.96.0.11', '53');
  const sent = packetCount('client', (it) => it.service_id > 0);
  for (let times = 1; times <= 2; times++) {
    await until('packets before a restart', () => sent() >= 100 * times);
    world.restart();
  }
  await until('packets after the restarts', () => sent() >= 300);
  // Nobody sends a datagram twice: one lost packet would show here.
  const datagrams = JSON.parse(await udp.stop()) as { sent: number; received: number; from: object };
  expect(datagrams.received).toBe(datagrams.sent);
  expect(Object.keys(datagrams.from)).toHaveLength(1);
  expect(JSON.parse(await tcp.stop())).toMatchObject({ error: '' });
});

test('datagrams move at once when their backend goes, and stay when another one comes', async () => {
  const toPod = (pod: string) => packetCount(pod, (it) => it.service_id > 0 && it.protocol === 17);
  const [toOne, toTwo] = [toPod('one'), toPod('two')];
  world.setService('moving', ['10.96.0.50'], 53, 5353, 'UDP', ['one']);
  const first = await world.start('client', 'hold', 'udp', '10.96.0.50', '53');
  await until('datagrams to the only backend', () => toOne() >= 60);
  world.setService('moving', ['10.96.0.50'], 53, 5353, 'UDP', ['one', 'two']);
  const atChange = toOne();
  await until('datagrams after another backend came', () => toOne() >= atChange + 30);
  expect(toTwo()).toBe(0);
  world.setService('moving', ['10.96.0.50'], 53, 5353, 'UDP', ['two']);
  await until('datagrams to the other backend', () => toTwo() >= 30);
  const result = JSON.parse(await first.stop()) as { sent: number; received: number; from: Record<string, number> };
  expect(result.received).toBe(result.sent);
  expect(Object.keys(result.from)).toEqual(['one', 'two']);
});

test('an entry that has lost its other direction is made anew, with the same backend', async () => {
  const client = await world.start('client', 'twice', 'udp', '10.96.0.11', '53', '1500');
  // What the kernel does when the map is full: it forgets one direction and keeps the other.
  const { flow_cache } = world.datapath.maps;
  for (const [key, value] of flow_cache.entries()) {
    if (readStruct(FLOW_KEY, key).protocol === 17 && readStruct(FLOW_ENTRY, value).is_reply === 1)
      flow_cache.delete(key);
  }
  const answers = JSON.parse(await client.result) as string[];
  expect(answers).toHaveLength(2);
  expect(new Set(answers).size).toBe(1);
});

test('a pod cannot break the connections of others with ICMP errors it makes up', async () => {
  world.records();
  const held = await world.start('client', 'hold', 'udp', world.v4('one'), '5353');
  const [client, one] = [world.pod('client').endpointId, world.pod('one').endpointId];
  const port = String(await sourcePortOf(client, one));
  const refused = (): number => world.drops()[DROP_REASON.UNKNOWN_CONNECTION_TRACKING_STATE] ?? 0;
  const before = refused();
  const forged = [
    join(import.meta.dirname, 'forge.py'),
    world.v4('client'),
    world.v4('client'),
    port,
    world.v4('one'),
    '5353',
  ];
  world.exec('two', 'python3', ...forged);
  expect(refused() - before).toBe(1);
  expect(JSON.parse(await held.stop())).toMatchObject({ error: '' });
  // The pod that did receive those datagrams may say so: the same error, from it, arrives.
  const again = await world.start('client', 'hold', 'udp', world.v4('one'), '5353');
  world.exec('one', 'python3', ...forged.with(3, String(await sourcePortOf(client, one))));
  expect(JSON.parse(await again.result)).toMatchObject({ error: 'ECONNREFUSED' });
});

/** Waits for the first packet of a connection between two endpoints, reported since the last reading of records. */
async function sourcePortOf(source: number, destination: number): Promise<number> {
  let port: number | undefined;
  await until('the record of a new connection', () => {
    const isIt = (it: KernelRecord): boolean =>
      it.type === RECORD_TYPE.NEW && it.source_endpoint === source && it.destination_endpoint === destination;
    port = world.records().find(isIt)?.source_port;
    return port !== undefined;
  });
  return port ?? 0;
}

/** A whole walk through the flow cache, and more. @returns how many entries went. */
function sweep(now: bigint): number {
  const sweeper = new FlowSweeper(world.datapath.maps);
  let deleted = 0;
  for (let i = 0; i < 300; i++) deleted += sweeper.step(now);
  return deleted;
}

test('a connection that has ended leaves no entries, whoever closes first', () => {
  const { flow_cache } = world.datapath.maps;
  const before = flow_cache.count();
  world.ask('client', 'tcp', '10.96.0.10', 80, 50);
  world.exec('one', 'python3', '-c', CLOSE_FIRST, world.v4('two'), '8080');
  expect(flow_cache.count()).toBe(before);
});

test('the sweep clears reset connections and leaves open ones alone', async () => {
  world.ask('client', 'tcp', world.v4('one'), 1, 20);
  const open = await world.start('client', 'hold', 'tcp', '10.96.0.10', '80');
  // The same moment twice: later, more would have been idle for long enough.
  const inTenSeconds = process.hrtime.bigint() + 11_000_000_000n;
  expect(sweep(inTenSeconds)).toBeGreaterThanOrEqual(40);
  expect(sweep(inTenSeconds)).toBe(0);
  expect(JSON.parse(await open.stop())).toMatchObject({ error: '' });
});

/** As if as many pairs of datagrams as there is room for had been exchanged long ago. */
function fillFlowCache(): void {
  const { flow_cache } = world.datapath.maps;
  const count = flow_cache.shape.maxEntries - flow_cache.count();
  const keys = Buffer.alloc(count * FLOW_KEY.size);
  const values = Buffer.alloc(count * FLOW_ENTRY.size);
  const { source, destination, protocol } = FLOW_KEY.fields;
  const { new_source, new_destination } = FLOW_ENTRY.fields;
  for (let i = 0; i < count; i++) {
    const [key, value] = [i * FLOW_KEY.size, i * FLOW_ENTRY.size];
    const isReply = i % 2 === 1;
    keys.writeUInt32LE((i >> 1) + 1, key + (isReply ? destination : source).offset);
    values.writeUInt32LE((i >> 1) + 1, value + (isReply ? new_destination : new_source).offset);
    keys[key + protocol.offset] = 17;
  }
  flow_cache.setMany(keys, values, count);
}

test('a full flow cache takes new connections all the same, and leaves the others alone', async () => {
  const { flow_overflow, overflowing } = world.datapath.maps;
  const open = await world.start('client', 'hold', 'tcp', '10.96.0.10', '80');
  fillFlowCache();
  expect(world.ask('client', 'tcp', world.v4('one'), 8080, 50)).toEqual({ one: 50 });
  const answers = world.ask('client', 'udp', '10.96.0.11', 53, 20);
  expect((answers['one'] ?? 0) + (answers['two'] ?? 0)).toBe(20);
  expect(flow_overflow.count()).toBeGreaterThanOrEqual(20);
  expect(world.drops()[DROP_REASON.CT_MAP_INSERTION_FAILED]).toBeUndefined();
  expect(JSON.parse(await open.stop())).toMatchObject({ error: '' });
  // The sweep makes room, and the overflow map goes out of use.
  sweep(process.hrtime.bigint() + 130_000_000_000n);
  expect(flow_overflow.count()).toBe(0);
  expect(overflowing.get(Buffer.alloc(4))?.readUInt32LE(0)).toBe(0);
});
