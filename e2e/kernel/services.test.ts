/** Services as pods use them: which backend is chosen, what keeps to it, and at which addresses. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HealthCheckPorts, healthChecks } from '../../server/agent/health-check-ports.ts';
import type { EndpointSlice } from '../../server/cluster/model.ts';
import { openBpfDescriptors } from '../../server/kernel/fd.ts';
import { AFFINITY } from '../../server/kernel/layouts.gen.ts';
import { withNetns } from '../../server/kernel/netns.ts';
import { DROP_REASON, RECORD_TYPE } from '../../server/wire/lists.gen.ts';
import { readStruct, writeStruct } from '../../server/wire/struct.ts';
import { World } from './world.ts';

const BACKENDS = ['one', 'two', 'three'];
const READY = { ready: true, serving: true, terminating: false };
const ENDING = { ready: false, serving: true, terminating: true };

let world: World;
let descriptors: string[];

beforeAll(async () => {
  descriptors = openBpfDescriptors();
  world = await World.create();
  await world.addPods('client', 'other', ...BACKENDS);
  for (const pod of BACKENDS) {
    for (const address of [world.v4(pod), world.v6(pod)]) {
      await world.serve(pod, 'tcp', address, 8080);
      await world.serve(pod, 'udp', address, 5353);
    }
  }
});

afterEach(() => {
  world.state.services = [];
  world.state.endpointSlices = [];
  world.apply();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  expect(openBpfDescriptors()).toEqual(descriptors);
});

/** Changes the endpoints of a pod in the slices of all services, then applies. */
function setEndpoint(pod: string, change: Partial<EndpointSlice['endpoints'][number]>): void {
  world.state.endpointSlices = world.state.endpointSlices.map((slice) => ({
    ...slice,
    endpoints: slice.endpoints.map((it) => (it.targetRef === pod ? { ...it, ...change } : it)),
  }));
  world.apply();
}

const answered = (answers: Record<string, number>): string[] => Object.keys(answers).toSorted();

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const vip = family === 'IPv4' ? '10.96.2.1' : 'fd96::2:1';
  const node = family === 'IPv4' ? '10.42.0.1' : 'fd42::1';
  const external = family === 'IPv4' ? '192.0.2.7' : '2001:db8::7';
  const balancer = family === 'IPv4' ? '192.0.2.8' : '2001:db8::8';

  describe.each([
    ['TCP', 'tcp', 8080],
    ['UDP', 'udp', 5353],
  ] as const)('%s', (protocol, kind, target) => {
    const ask = (count: number, pod = 'client', address = vip, port = 80): Record<string, number> =>
      world.ask(pod, kind, address, port, count);

    test('connections are spread evenly over the backends', () => {
      world.setService('s', [vip], 80, target, protocol, BACKENDS);
      const answers = ask(240);
      expect(answered(answers)).toEqual(BACKENDS.toSorted());
      // The mean is 80 with a standard deviation of 7.3: five of them either way.
      for (const count of Object.values(answers)) expect(Math.abs(count - 80)).toBeLessThan(37);
    });

    test('a tuple that comes again gets the same backend, and keeps it when another one goes', () => {
      world.setService('s', [vip], 80, target, protocol, BACKENDS);
      const choices = (): string[] => world.askFromPorts('client', kind, vip, 80, 21_000, 48);
      const before = choices();
      world.forgetFlows();
      expect(choices()).toEqual(before);
      world.setService('s', [vip], 80, target, protocol, ['one', 'three']);
      world.forgetFlows();
      const after = choices();
      const stayed = before.filter((it, i) => it !== 'two' && after[i] === it).length;
      const others = before.filter((it) => it !== 'two').length;
      // Of the connections of the remaining two, Maglev moves few; a plain remainder would move two thirds.
      expect(stayed).toBeGreaterThanOrEqual(others * 0.7);
      expect(after).not.toContain('two');
    });

    test('session affinity keeps a client with one backend until its timeout', () => {
      world.setService('s', [vip], 80, target, protocol, BACKENDS, { sessionAffinityTimeoutSeconds: 20 });
      const [first = ''] = answered(ask(20));
      expect(ask(20)).toEqual({ [first]: 20 });
      // Another client has its own; it may be the same one.
      expect(Object.values(ask(10, 'other'))).toEqual([10]);
      const others = BACKENDS.filter((it) => it !== first);
      // The table alone would give this client the other ones too: so it does after the timeout.
      const seen = new Set<string>();
      for (let round = 0; round < 40 && seen.size < 2; round++) {
        expireAffinity(21);
        for (const name of answered(ask(1))) seen.add(name);
      }
      expect(seen.size).toBeGreaterThan(1);
      expect([first, ...others]).toEqual(expect.arrayContaining([...seen]));
    });

    test('affinity to a backend that is gone, or is to end, is to another one from then on', () => {
      world.setService('s', [vip], 80, target, protocol, BACKENDS, { sessionAffinityTimeoutSeconds: 100 });
      const [first = ''] = answered(ask(1));
      setEndpoint(first, { conditions: ENDING });
      const [second = ''] = answered(ask(5));
      expect(second).not.toBe(first);
      expect(ask(5)).toEqual({ [second]: 5 });
      const rest = BACKENDS.filter((it) => it !== second);
      world.setService('s', [vip], 80, target, protocol, rest, { sessionAffinityTimeoutSeconds: 100 });
      expect(answered(ask(5))).toHaveLength(1);
      expect(answered(ask(5))[0]).not.toBe(second);
    });

    test('a terminating backend keeps what it has and gets nothing new; the last one left gets it', async () => {
      world.setService('s', [vip], 80, target, protocol, ['one']);
      const held = await world.start('client', 'hold', kind, vip, '80', '30000');
      world.setService('s', [vip], 80, target, protocol, ['one', 'two']);
      setEndpoint('one', { conditions: ENDING });
      expect(ask(20)).toEqual({ two: 20 });
      setEndpoint('two', { conditions: { ...ENDING, serving: false } });
      expect(ask(5)).toEqual({ one: 5 });
      const result = JSON.parse(await held.stop()) as { sent: number; received: number; from: object; error: string };
      expect(result).toMatchObject({ error: '' });
      // Answers of TCP may come together.
      expect(Object.keys(result.from).filter((it) => !/^(one)+$/.test(it))).toEqual([]);
    });

    test('a backend that is not ready keeps its TCP connections; datagrams leave it at once', async () => {
      world.setService('s', [vip], 80, target, protocol, ['one']);
      const held = await world.start('client', 'hold', kind, vip, '80', '30000');
      world.setService('s', [vip], 80, target, protocol, ['one', 'two']);
      setEndpoint('one', { conditions: { ready: false, serving: false, terminating: false } });
      expect(ask(10)).toEqual({ two: 10 });
      const result = JSON.parse(await held.stop()) as { from: object; error: string };
      expect(result.error).toBe('');
      const from = new Set(
        Object.keys(result.from)
          .join('')
          .match(/one|two/g),
      );
      expect(from).toEqual(new Set(protocol === 'TCP' ? ['one'] : ['one', 'two']));
    });

    test('internalTrafficPolicy Local reaches the endpoints of this node only; without one, there is no answer', () => {
      const local = { internalTrafficPolicy: 'Local' as const };
      world.setService('s', [vip], 80, target, protocol, BACKENDS, local);
      setEndpoint('two', { nodeName: 'elsewhere' });
      setEndpoint('three', { nodeName: 'elsewhere' });
      expect(ask(20)).toEqual({ one: 20 });
      setEndpoint('one', { nodeName: 'elsewhere' });
      const before = world.drops()[DROP_REASON.NO_LOCAL_BACKEND] ?? 0;
      expect(ask(1)).toEqual({ '<TIMEOUT>': 1 });
      expect(world.drops()[DROP_REASON.NO_LOCAL_BACKEND] ?? 0).toBeGreaterThan(before);
    });

    test('from a pod: node port, external IP and load balancer IP, to all endpoints whatever the policy', () => {
      const more = {
        type: 'LoadBalancer' as const,
        ports: [{ name: 'main', port: 80, protocol, targetPort: target, appProtocol: '', nodePort: 30_080 }],
        externalIPs: [external],
        loadBalancerIPs: [balancer],
        externalTrafficPolicy: 'Local' as const,
      };
      world.setService('s', [vip], 80, target, protocol, ['one', 'two'], more);
      setEndpoint('two', { nodeName: 'elsewhere' });
      for (const [address, port] of [[node, 30_080] as const, [external, 80] as const, [balancer, 80] as const]) {
        expect(answered(ask(30, 'client', address, port))).toEqual(['one', 'two']);
        expect(answered(ask(30, 'host', address, port))).toEqual(['one', 'two']);
      }
    });
  });

  test('a process of the host is reported with the service it asked for', () => {
    world.setService('s', [vip], 80, 8080, 'TCP', ['one']);
    world.records();
    expect(world.ask('host', 'tcp', vip, 80, 1)).toEqual({ one: 1 });
    const record = world.records().find((it) => it.type === RECORD_TYPE.NEW);
    expect(record?.destination_endpoint).toBe(world.pod('one').endpointId);
    expect(record?.service_id).toBeGreaterThan(0);
    expect(record?.backend_id).toBeGreaterThan(0);
  });

  test('one source port serves for a service and, at the same time, for its only backend', async () => {
    world.setService('s', [vip], 80, 8080, 'TCP', ['one']);
    const direct = family === 'IPv4' ? world.v4('one') : world.v6('one');
    for (const [first, port, second, otherPort] of [
      [vip, '80', direct, 8080],
      [direct, '8080', vip, 80],
    ] as const) {
      const held = await world.start('client', 'hold', 'tcp', first, port, '0', '23000');
      expect(world.askFromPorts('client', 'tcp', second, otherPort, 23_000, 1)).toEqual(['one']);
      expect(JSON.parse(await held.stop())).toMatchObject({ error: '' });
      world.forgetFlows();
    }
  });

  test('a tuple that is taken at one backend gets another one', async () => {
    world.setService('s', [vip], 80, 8080, 'TCP', BACKENDS);
    const ask = (): string | undefined => world.askFromPorts('client', 'tcp', vip, 80, 22_000, 1)[0];
    const chosen = ask() ?? '';
    // The same port, straight to that pod and left open: the answers of both connections could not be told apart.
    const direct = family === 'IPv4' ? world.v4(chosen) : world.v6(chosen);
    const held = await world.start('client', 'hold', 'tcp', direct, '8080', '30000', '22000');
    expect(BACKENDS.filter((it) => it !== chosen)).toContain(ask());
    expect(JSON.parse(await held.stop())).toMatchObject({ error: '' });
  });
});

/** Makes what clients had last as old as if that had been so many seconds ago. */
function expireAffinity(seconds: number): void {
  const { affinity } = world.datapath.maps;
  for (const [key, value] of affinity.entries()) {
    const { last_used_ns: last } = readStruct(AFFINITY, value);
    const earlier = last - BigInt(seconds) * 1_000_000_000n;
    // Of a machine that has just started, nothing is older than its clock.
    writeStruct(AFFINITY, value, 0, { last_used_ns: earlier > 0n ? earlier : 0n });
    affinity.set(key, value);
  }
}

test('UDP moves at once from a backend that goes while it terminates', async () => {
  world.setService('s', ['10.96.2.9'], 53, 5353, 'UDP', ['one', 'two']);
  setEndpoint('two', { conditions: ENDING });
  const held = await world.start('client', 'hold', 'udp', '10.96.2.9', '53', '900');
  setEndpoint('two', { conditions: READY });
  setEndpoint('one', { conditions: ENDING });
  world.setService('s', ['10.96.2.9'], 53, 5353, 'UDP', ['two']);
  const result = JSON.parse(await held.result) as { sent: number; received: number; from: object };
  expect(result.received).toBe(result.sent);
  expect(Object.keys(result.from)).toEqual(['one', 'two']);
});

test('the health check port says how many ready endpoints the node has', async () => {
  const { node, state } = world;
  const warnings: string[] = [];
  let healthy = true;
  using ports = new HealthCheckPorts({
    inside: (block) => withNetns(`/run/netns/${node.netns}`, block),
    isHealthy: () => healthy,
    warn: (problem) => warnings.push(problem),
  });
  const lb = { type: 'LoadBalancer' as const, externalTrafficPolicy: 'Local' as const, healthCheckNodePort: 30_123 };
  world.setService('s', ['10.96.2.9'], 80, 8080, 'TCP', ['one', 'two'], lb);
  const answer = async (host: string): Promise<unknown> => {
    ports.apply(healthChecks(state, node.name));
    const script = `const r = await fetch('http://${host}:30123/'); console.log(JSON.stringify([r.status, await r.json()]))`;
    const argv = [
      `--net=/run/netns/${world.pod('client').netns}`,
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ];
    return JSON.parse((await promisify(execFile)('nsenter', argv)).stdout);
  };
  const says = (status: number, localEndpoints: number, serviceProxyHealthy = true) => [
    status,
    { service: { namespace: 'test', name: 's' }, localEndpoints, serviceProxyHealthy },
  ];
  expect(await answer('10.42.0.1')).toEqual(says(200, 2));
  setEndpoint('one', { nodeName: 'elsewhere' });
  expect(await answer('[fd42::1]')).toEqual(says(200, 1));
  healthy = false;
  expect(await answer('10.42.0.1')).toEqual(says(503, 1, false));
  healthy = true;
  setEndpoint('two', { conditions: ENDING });
  expect(await answer('10.42.0.1')).toEqual(says(503, 0));
  world.state.services = [];
  await expect(answer('10.42.0.1')).rejects.toThrow('ECONNREFUSED');
  expect(warnings).toEqual([]);
});
