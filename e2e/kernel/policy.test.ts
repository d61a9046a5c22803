/** NetworkPolicy through real packets: what changes while connections are open, audit, and what events say. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { planFrom } from '../../server/cluster/manifests.ts';
import { DROP_REASON, POLICY_MATCH, RECORD_TYPE, VERDICT } from '../../server/wire/lists.gen.ts';
import { WORLD, World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await World.create();
  await world.addPods('client', 'other', 'server');
  world.addWorld();
  await world.serve('server', 'udp', '::', 5353);
  await world.serve('server', 'tcp', '::', 8080);
  await world.serve('world', 'tcp', WORLD.v4, 8000);
  world.setService('web', ['10.96.0.10', 'fd96::10'], 80, 8080, 'TCP', ['server']);
});

beforeEach(() => setPolicies());

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Each a NetworkPolicy of namespace test, as a manifest without its head. */
function setPolicies(...manifests: string[]): void {
  const head = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n';
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n';
  const text = [namespace, ...manifests.map((it) => head + it)].join('---\n');
  const plan = planFrom([{ name: 'policies.yaml', text }]);
  expect(plan.policyProblems).toEqual([]);
  world.state.networkPolicies = plan.networkPolicies;
  world.apply();
}

const ALLOW_CLIENT = `
metadata: {name: allow-client, namespace: test}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]
`;

const ask = (pod: string): string => Object.keys(world.ask(pod, 'tcp', world.v4('server'), 8080, 1)).join();

test('the peer of an allow rule passes, others are denied, and the node always passes', () => {
  setPolicies(ALLOW_CLIENT);
  expect(ask('client')).toBe('server');
  expect(ask('other')).toBe('<TIMEOUT>');
  expect(world.ask('other', 'tcp', '10.96.0.10', 80, 1)).toEqual({ '<TIMEOUT>': 1 });
  expect(ask('host')).toBe('server');
  expect(world.drops()[DROP_REASON.POLICY_DENIED]).toBeGreaterThan(0);
});

test('a deny cuts an established connection, an allow lets its next packet pass', async () => {
  const open = await world.start('client', 'hold', 'tcp', '10.96.0.10', '80', '2000');
  await new Promise((resolve) => setTimeout(resolve, 200));
  world.records();
  setPolicies('metadata: {name: deny, namespace: test}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const drops = world.records().filter((it) => it.drop_reason === DROP_REASON.POLICY_DENIED);
  expect(drops.length).toBeGreaterThan(0);
  expect(drops.every((it) => it.ingress_rule > 0 && it.egress_rule === 0)).toBe(true);
  setPolicies();
  const result = JSON.parse(await open.result) as { sent: number; received: number; error: string };
  expect(result.error).toBe('');
  expect(result.received).toBeGreaterThan(0);
  const { sent, received } = result;
  expect(sent - received).toBeLessThan(sent);
});

const OUT = `
metadata: {name: out, namespace: test}
spec:
  podSelector: {matchLabels: {app: client}}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 10.42.0.0/24}}], ports: [{port: 8080}]}]
`;

test('a drop by the ingress policies names what egress allowed, and how', () => {
  setPolicies(OUT, 'metadata: {name: deny, namespace: test}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n');
  world.records();
  expect(ask('client')).toBe('<TIMEOUT>');
  const drop = world
    .records()
    .find((it) => it.type === RECORD_TYPE.DROP && it.drop_reason === DROP_REASON.POLICY_DENIED);
  expect(drop).toMatchObject({ egress_match: POLICY_MATCH.L3_L4, ingress_match: POLICY_MATCH.NONE });
  expect([drop?.egress_rule, drop?.ingress_rule]).toEqual([expect.any(Number), expect.any(Number)]);
  expect(Math.min(drop?.egress_rule ?? 0, drop?.ingress_rule ?? 0)).toBeGreaterThan(0);
});

test('egress: names the rule of both directions in the event', () => {
  setPolicies(ALLOW_CLIENT, OUT);
  world.records();
  expect(ask('client')).toBe('server');
  const [record] = world.records().filter((it) => it.type === RECORD_TYPE.NEW);
  expect(record?.egress_rule).toBeGreaterThan(0);
  expect(record?.ingress_rule).toBeGreaterThan(0);
  expect(record?.egress_rule).not.toBe(record?.ingress_rule);
  expect(world.ask('client', 'udp', world.v4('server'), 5353, 1)).toEqual({ '<TIMEOUT>': 1 });
  expect(world.ask('client', 'tcp', WORLD.v4, 8000, 1)).toEqual({ '<TIMEOUT>': 1 });
});

test('audit: passes what it would deny, and says so', () => {
  setPolicies(ALLOW_CLIENT.replace('namespace: test', 'namespace: test, annotations: {spyglass.io/mode: audit}'));
  world.records();
  expect(ask('other')).toBe('server');
  const [record] = world.records().filter((it) => it.type === RECORD_TYPE.NEW);
  expect(record).toMatchObject({ verdict: VERDICT.AUDIT });
  expect(record?.ingress_rule).toBeGreaterThan(0);
  expect(ask('client')).toBe('server');
  expect(world.records().find((it) => it.type === RECORD_TYPE.NEW)?.verdict).toBe(VERDICT.FORWARDED);
});

function relabel(app: string): void {
  world.state.pods = world.state.pods.map((it) => (it.name === 'other' ? { ...it, labels: { app } } : it));
  world.apply();
}

test('a pod whose labels change gets its new policy with the next packet', () => {
  setPolicies(ALLOW_CLIENT);
  expect(ask('other')).toBe('<TIMEOUT>');
  relabel('client');
  expect(ask('other')).toBe('server');
  relabel('other');
  expect(ask('other')).toBe('<TIMEOUT>');
});
