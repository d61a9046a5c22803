/** What a change of policies does to connections that are open, and what policies say of ICMP, with real packets. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DROP_REASON, VERDICT } from '../../server/wire/lists.gen.ts';
import { PolicyCluster } from './policy-cluster.ts';
import { until, type World } from './world.ts';

const PORT = 8080;
const FAMILIES = ['v4', 'v6'] as const;
const DENY_INGRESS = 'x {podSelector: {}, policyTypes: [Ingress]}';
const DENY_EGRESS = 'y {podSelector: {}, policyTypes: [Egress]}';

let cluster: PolicyCluster;
let world: World;

beforeAll(async () => {
  cluster = await PolicyCluster.create();
  ({ world } = cluster);
  for (const protocol of ['tcp', 'udp']) await world.serve('x-a', protocol, '::', PORT);
});
beforeEach(() => cluster.set([]));
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

/** Packets that passed from y-a to x-a and back; edges count those that were dropped as well. */
function passed(): { there: number; back: number } {
  let [there, back] = [0, 0];
  for (const it of world.edges('y-a', 'x-a').filter(({ verdict }) => verdict === VERDICT.FORWARDED)) {
    there += Number(it.packets);
    back += Number(it.reply_packets);
  }
  return { there, back };
}

const denied = (): number => world.drops()[DROP_REASON.POLICY_DENIED] ?? 0;

describe.each(['tcp', 'udp'])('an open %s connection', (protocol) => {
  describe.each(FAMILIES)('over IP%s', (family) => {
    test.each([
      ['ingress', DENY_INGRESS],
      ['egress', DENY_EGRESS],
    ])('is cut by a deny of %s, and alive again after an allow', async (_, deny) => {
      const open = await world.start('y-a', 'hold', protocol, world[family]('x-a'), String(PORT));
      const atStart = passed().back;
      await until('the connection works', () => passed().back > atStart + 2);
      // The policy is in force when this returns: not one packet of the client passes from here on.
      cluster.set([deny]);
      const [cut, before] = [passed(), denied()];
      await until('its packets are dropped', () => denied() >= before + 3);
      expect(passed().there).toBe(cut.there);
      cluster.set([]);
      await until('it works again', () => passed().back > cut.back + 10);
      const result = JSON.parse(await open.stop()) as { received: number; error: string };
      expect(result.error).toBe('');
      expect(result.received).toBeGreaterThan(0);
    });
  });
});

test('an open connection stays when a policy comes that allows it', async () => {
  const open = await world.start('y-a', 'hold', 'tcp', world.v4('x-a'), String(PORT));
  cluster.set([
    DENY_INGRESS,
    DENY_EGRESS,
    `x {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: ${PORT}}]}]}`,
    `y {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: ${PORT}}]}]}`,
  ]);
  const [{ back }, before] = [passed(), denied()];
  await until('packets pass under the policies', () => passed().back > back + 20);
  expect(denied()).toBe(before);
  expect((JSON.parse(await open.stop()) as { error: string }).error).toBe('');
});

describe.each(FAMILIES)('ICMP over IP%s', (family) => {
  const pings = (from: string, to: string): boolean =>
    world.succeeds(
      from,
      'ping',
      '-c1',
      '-W1',
      to === 'host' ? (world.node.addresses[Number(family === 'v6')] ?? '') : world[family](to),
    );

  test('is denied by default deny, but to the node and to itself', () => {
    expect(pings('y-a', 'x-a')).toBe(true);
    cluster.set(['x {podSelector: {}, policyTypes: [Ingress, Egress]}']);
    expect(pings('y-a', 'x-a')).toBe(false);
    expect(pings('x-a', 'y-a')).toBe(false);
    expect(pings('host', 'x-a')).toBe(true);
    expect(pings('x-a', 'host')).toBe(true);
    expect(pings('x-a', 'x-a')).toBe(true);
  });

  test('is allowed by a rule without ports, for its peers', () => {
    cluster.set(['x {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}']);
    expect(pings('y-a', 'x-a')).toBe(true);
    expect(pings('z-a', 'x-a')).toBe(false);
  });

  test('is not allowed by rules with ports, whatever protocol they name', () => {
    const ports = ['{port: 80}', '{protocol: TCP}', '{port: 1, endPort: 65535, protocol: UDP}', '{protocol: SCTP}'];
    cluster.set([`x {podSelector: {}, ingress: [{ports: [${ports.join(', ')}]}]}`]);
    expect(pings('y-a', 'x-a')).toBe(false);
  });
});
