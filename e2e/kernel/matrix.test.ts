/** The reachability matrix: without policies every pod reaches every pod; what does not listen or is gone shows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Matrix, type Probe } from './matrix.ts';
import { addressBytes } from './packet-builder.ts';
import { World } from './world.ts';

const NAMESPACES = ['x', 'y', 'z'];
const PODS = NAMESPACES.flatMap((namespace) => ['a', 'b', 'c'].map((pod) => `${namespace}-${pod}`));
const PORTS = [80, 81, 8080, 53];

let world: World;
let matrix: Matrix;

beforeAll(async () => {
  world = await World.create();
  for (const namespace of NAMESPACES)
    await world.addPodsIn(namespace, ...PODS.filter((it) => it.startsWith(namespace)));
  matrix = await Matrix.start(world, PODS, PORTS);
});
afterAll(async () => {
  await matrix[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test('without policies everything is reached', async () => {
  expect(matrix.probes()).toHaveLength(9 * 9 * 4 * 2 * 2);
  expect(await matrix.differences(() => true)).toEqual([]);
});

test('what cannot be reached is missing, and nothing else', async () => {
  const [gone = ''] = PODS;
  // The datapath forgets one address: what comes from it is spoofed, and answers count as coming from it, too.
  const key = Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), addressBytes(world.v4(gone))]);
  const { endpoints, flow_cache } = world.datapath.maps;
  expect(endpoints.delete(key)).toBe(true);
  // No generation says that the address is gone: a source port drawn again would find the former decision.
  const flows = [...flow_cache.entries()].map(([flow]) => flow);
  flow_cache.deleteMany(Buffer.concat(flows), flows.length);
  const isCut = ({ from, to, family }: Probe): boolean => family === 'IPv4' && from !== to && [from, to].includes(gone);
  expect(await matrix.differences((probe) => !isCut(probe))).toEqual([]);
  const lines = await matrix.differences(() => true);
  expect(lines).toHaveLength(2 * 8 * PORTS.length * 2);
  expect(lines).toContain(`${gone} -> x-b tcp/80 IPv4 should be reached`);
  world.apply();
  expect(await matrix.differences(() => true)).toEqual([]);
});
