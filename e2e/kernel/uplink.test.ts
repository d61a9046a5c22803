/** Traffic between pods and the world: masquerading, fragments, answers for services without backends. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DROP_REASON, RECORD_TYPE } from '../../server/wire/lists.gen.ts';
import { parseAddress } from '../../server/wire/address.ts';
import { parseDenyList } from '../../server/agent/deny-list.ts';
import { WORLD, World } from './world.ts';

let world: World;

/** What `hold` of peer.mjs tells in the end. */
interface Held {
  error: string;
  received: number;
}

beforeAll(async () => {
  world = await World.create();
  await world.addPods('client', 'one', 'two');
  world.addWorld();
  world.setService('empty', ['10.96.0.20', 'fd96::20'], 80, 8080, 'TCP', []);
  world.setService('empty-udp', ['10.96.0.21', 'fd96::21'], 53, 5353, 'UDP', []);
  for (const address of [WORLD.v4, WORLD.v6]) {
    await world.serve('world', 'tcp', address, 8000);
    await world.serve('world', 'udp', address, 8001);
  }
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

for (const [family, address] of [
  ['IPv4', WORLD.v4],
  ['IPv6', WORLD.v6],
] as const) {
  test(`${family}: pods reach the world under the node's address, by TCP, UDP and ICMP`, () => {
    world.records();
    expect(world.ask('client', 'tcp', address, 8000, 5)).toEqual({ world: 5 });
    expect(world.ask('one', 'udp', address, 8001, 5)).toEqual({ world: 5 });
    expect(world.succeeds('two', 'ping', '-c', '2', '-i', '0.01', '-W', '1', address)).toBe(true);
    const news = world.records().filter((it) => it.type === RECORD_TYPE.NEW);
    expect(news.length).toBe(11);
    for (const record of news) expect(record.masquerade_port).toBeGreaterThanOrEqual(1024);
  });

  test(`${family}: pods with the same source port reach the same place, at the same time`, async () => {
    const held = [];
    for (const pod of ['client', 'one', 'two']) {
      held.push(await world.start(pod, 'hold', 'tcp', address, '8000', '60000', '40000'));
    }
    // Each waits for the world to accept; the first two have spoken with it while the last one began.
    const results = await Promise.all(held.map(async ({ stop }) => JSON.parse(await stop()) as Held));
    expect(results.map((it) => it.error)).toEqual(['', '', '']);
    for (const { received } of results.slice(0, 2)) expect(received).toBeGreaterThan(0);
  });

  test(`${family}: fragments follow their first one, to the world and between pods`, () => {
    const size = ['-c', '2', '-i', '0.01', '-W', '1', '-s', '4000'];
    expect(world.succeeds('client', 'ping', ...size, address)).toBe(true);
    const pod = family === 'IPv4' ? world.v4('one') : world.v6('one');
    expect(world.succeeds('client', 'ping', ...size, pod)).toBe(true);
  });

  test.each(['TCP', 'UDP'] as const)(
    `${family}: the world reaches a node port by %s, and is refused without backends`,
    async (protocol) => {
      const kind = protocol === 'TCP' ? 'tcp' : 'udp';
      const node = family === 'IPv4' ? '192.0.2.1' : '2001:db8::1';
      const ports = [{ name: 'main', port: 80, protocol, targetPort: 8090, appProtocol: '', nodePort: 30_090 }];
      const offer = (pods: string[]): void =>
        world.setService(`np-${kind}`, ['10.96.0.30', 'fd96::30'], 80, 8090, protocol, pods, { ports });
      await world.serve('one', kind, family === 'IPv4' ? world.v4('one') : world.v6('one'), 8090);
      offer(['one']);
      world.records();
      expect(world.ask('world', kind, node, 30_090, 3, address)).toEqual({ one: 3 });
      const news = world.records().filter((it) => it.type === RECORD_TYPE.NEW);
      expect(news.length).toBe(3);
      // The pod sees who asks.
      const asker = Buffer.from(parseAddress(address) ?? []);
      for (const { source } of news) expect(Buffer.from(source).equals(asker)).toBe(true);
      offer([]);
      expect(world.ask('world', kind, node, 30_090, 1)).toEqual({ '<ECONNREFUSED>': 1 });
    },
  );

  test.each(['tcp', 'udp'] as const)(
    `${family}: the world reaches external and load balancer IPs by %s, also with a process of the node behind them`,
    async (kind) => {
      const protocol = kind === 'tcp' ? 'TCP' : 'UDP';
      const [external, balancer, node] =
        family === 'IPv4'
          ? ['203.0.113.5', '203.0.113.6', '10.42.0.1']
          : ['2001:db8:50::5', '2001:db8:50::6', 'fd42::1'];
      const gateway = family === 'IPv4' ? '192.0.2.1' : '2001:db8::1';
      for (const it of [external, balancer]) world.exec('world', 'ip', 'route', 'replace', it, 'via', gateway);
      world.setService(`ext-${kind}`, ['10.96.0.31', 'fd96::31'], 80, 8091, protocol, ['one'], {
        type: 'LoadBalancer',
        externalIPs: [external],
        loadBalancerIPs: [balancer],
      });
      await world.serve('one', kind, family === 'IPv4' ? world.v4('one') : world.v6('one'), 8091);
      for (const it of [external, balancer]) expect(world.ask('world', kind, it, 80, 3, address)).toEqual({ one: 3 });
      await world.serve('host', kind, node, 8091);
      world.state.endpointSlices = world.state.endpointSlices.map((slice) =>
        slice.serviceName === `ext-${kind}` && slice.addressType === family
          ? { ...slice, endpoints: slice.endpoints.map((it) => ({ ...it, addresses: [node], targetRef: '' })) }
          : slice,
      );
      world.apply();
      for (const it of [external, balancer]) expect(world.ask('world', kind, it, 80, 3, address)).toEqual({ host: 3 });
      expect(world.ask('world', kind, external, 81, 1, address)).not.toHaveProperty('host');
    },
  );

  test(`${family}: a service without backends refuses at once`, () => {
    const [tcp, udp] = family === 'IPv4' ? ['10.96.0.20', '10.96.0.21'] : ['fd96::20', 'fd96::21'];
    const before = world.drops()[DROP_REASON.SERVICE_BACKEND_NOT_FOUND] ?? 0;
    expect(world.ask('client', 'tcp', tcp, 80, 1)).toEqual({ '<ECONNREFUSED>': 1 });
    expect(world.ask('client', 'udp', udp, 53, 1)).toEqual({ '<ECONNREFUSED>': 1 });
    expect(world.drops()[DROP_REASON.SERVICE_BACKEND_NOT_FOUND]).toBe(before + 2);
  });

  test(`${family}: what is on the deny list goes no further than the uplink`, () => {
    const from = family === 'IPv4' ? WORLD.otherV4 : WORLD.otherV6;
    const node = family === 'IPv4' ? '192.0.2.1' : '2001:db8::1';
    const ping = (source: string): boolean =>
      world.succeeds('world', 'ping', '-c', '1', '-W', '0.3', '-I', source, node);
    expect(ping(from)).toBe(true);
    world.datapath.setDenied(parseDenyList(from, 'list'));
    const before = world.drops()[DROP_REASON.DENY_LIST] ?? 0;
    world.records();
    expect(ping(from)).toBe(false);
    expect(ping(address)).toBe(true);
    expect(world.drops()[DROP_REASON.DENY_LIST]).toBeGreaterThan(before);
    expect(world.records()[0]).toMatchObject({ type: RECORD_TYPE.DROP, drop_reason: DROP_REASON.DENY_LIST });
    world.datapath.setDenied([]);
    expect(ping(from)).toBe(true);
  });
}
