/** Services for processes of the host, translated at their sockets. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBpfDescriptors } from '../../server/kernel/fd.ts';
import { SOCKET_SERVICE } from '../../server/kernel/layouts.gen.ts';
import { SOCKET_CALLS } from '../../server/kernel/link.ts';
import { DROP_REASON } from '../../server/wire/lists.gen.ts';
import { readStruct } from '../../server/wire/struct.ts';
import { World } from './world.ts';

const PEER = join(import.meta.dirname, 'peer.mjs');

let world: World;
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
  const { cgroup } = world;
  await world[Symbol.asyncDispose]();
  expect(existsSync(cgroup)).toBe(false);
  expect(openBpfDescriptors()).toEqual(descriptors);
});

interface Ends {
  answer: string;
  peer?: string;
  from?: string;
}

/** One exchange of a process in the node's namespace (or a pod's), as the process sees it. */
function ends(protocol: 'tcp' | 'udp' | 'sendto', address: string, port: number, pod = 'host'): Ends {
  return JSON.parse(world.exec(pod, process.execPath, PEER, 'ends', protocol, address, String(port))) as Ends;
}

describe.each(['IPv4', 'IPv6'])('%s', (family) => {
  const vip = (last: number): string => (family === 'IPv4' ? `10.96.1.${last}` : `fd96::1:${last}`);

  test('TCP reaches every backend, and the process sees the service it asked for', () => {
    world.setService(`tcp-${family}`, [vip(1)], 80, 8080, 'TCP', ['one', 'two']);
    const answers = world.ask('host', 'tcp', vip(1), 80, 30);
    expect((answers['one'] ?? 0) + (answers['two'] ?? 0)).toBe(30);
    expect(Object.keys(answers)).toHaveLength(2);
    expect(ends('tcp', vip(1), 80).peer).toBe(`${vip(1)} 80`);
  });

  test('UDP, connected: getpeername and the source of the answer are the service', () => {
    world.setService(`udp-${family}`, [vip(2)], 53, 5353, 'UDP', ['one']);
    expect(ends('udp', vip(2), 53)).toEqual({ answer: 'one', peer: `${vip(2)} 53`, from: `${vip(2)} 53` });
  });

  test('UDP, not connected: answers come from the service', () => {
    world.setService(`sendto-${family}`, [vip(3)], 53, 5353, 'UDP', ['two']);
    expect(ends('sendto', vip(3), 53)).toEqual({ answer: 'two', from: `${vip(3)} 53` });
  });

  test('a service without backends refuses at once, and is counted', () => {
    world.setService(`empty-${family}`, [vip(4)], 80, 8080, 'TCP', []);
    world.setService(`empty-udp-${family}`, [vip(5)], 53, 5353, 'UDP', []);
    const count = (): number => world.drops()[DROP_REASON.SERVICE_BACKEND_NOT_FOUND] ?? 0;
    const before = count();
    expect(ends('tcp', vip(4), 80).answer).toBe('<ECONNREFUSED>');
    expect(ends('udp', vip(5), 53).answer).toBe('<ECONNREFUSED>');
    expect(ends('sendto', vip(5), 53).answer).toBe('<ECONNREFUSED>');
    expect(count() - before).toBe(3);
  });

  test('what is no service is left alone', () => {
    const one = family === 'IPv4' ? world.v4('one') : world.v6('one');
    expect(ends('tcp', one, 8080)).toEqual({ answer: 'one', peer: `${one} 8080` });
    expect(ends('sendto', one, 5353)).toEqual({ answer: 'one', from: `${one} 5353` });
  });
});

test('an IPv6 socket reaches a service at its IPv4 address', () => {
  world.setService('mapped', ['10.96.1.20'], 80, 8080, 'TCP', ['one']);
  expect(ends('tcp', '::ffff:10.96.1.20', 80)).toMatchObject({ answer: 'one', peer: '::ffff:10.96.1.20 80' });
  world.setService('mapped-udp', ['10.96.1.21'], 53, 5353, 'UDP', ['one']);
  expect(ends('sendto', '::ffff:10.96.1.21', 53)).toMatchObject({ answer: 'one', from: '::ffff:10.96.1.21 53' });
});

test('each socket is noted with its service, for who names the packets', () => {
  world.setService('noted', ['10.96.1.22'], 80, 8080, 'TCP', ['one']);
  const notes = () =>
    [...world.datapath.maps.socket_services.entries()].map(([, it]) => readStruct(SOCKET_SERVICE, it));
  ends('tcp', '10.96.1.22', 80);
  const [note] = notes().filter((it) => Buffer.from(it.original).toString('hex').endsWith('0a600116'));
  expect(note).toMatchObject({ original_port_be: 80 << 8, service_id: expect.any(Number) as number });
  expect(note?.backend_id).toBeGreaterThan(0);
});

test("a pod's sockets are left to its veth, even if its processes are in the group", () => {
  world.setService('podsocket', ['10.96.1.23'], 80, 8080, 'TCP', ['one']);
  const before = world.datapath.maps.socket_services.count();
  const argv = [process.execPath, PEER, 'ends', 'tcp', '10.96.1.23', '80'];
  const enter = ['nsenter', `--net=/run/netns/${world.pod('client').netns}`, ...argv];
  expect(JSON.parse(world.exec('host', ...(enter as [string, ...string[]])))).toMatchObject({ answer: 'one' });
  expect(world.datapath.maps.socket_services.count()).toBe(before);
});

test('datagrams of a socket that is not connected move when their backend goes', async () => {
  world.setService('moving', ['10.96.1.24'], 53, 5353, 'UDP', ['one']);
  const held = await world.start('host', 'hold', 'sendto', '10.96.1.24', '53', '900');
  world.setService('moving', ['10.96.1.24'], 53, 5353, 'UDP', ['two']);
  const result = JSON.parse(await held.result) as { sent: number; received: number; from: Record<string, number> };
  expect(result.received).toBe(result.sent);
  expect(Object.keys(result.from)).toEqual(['one', 'two']);
});

test('a restart of the agent keeps the links and leaves no moment without them', async () => {
  const links = (): string[] => readdirSync(join(world.pins, 'links')).filter((it) => it.startsWith('cgroup-'));
  const before = links();
  expect(before).toHaveLength(SOCKET_CALLS.length);
  world.setService('steady', ['10.96.1.25'], 53, 5353, 'UDP', ['one']);
  const held = await world.start('host', 'hold', 'sendto', '10.96.1.25', '53', '900');
  world.restart();
  expect(links()).toEqual(before);
  const result = JSON.parse(await held.result) as { sent: number; received: number; error: string };
  expect(result).toMatchObject({ received: result.sent, error: '' });
});
