import { expect, test } from 'vitest';
import type { NetworkPolicy, Pod } from '../cluster/model.ts';
import { desiredState, newAllocators } from './desired.ts';
import { attachment, cluster, NODE, pod, policy } from './testing/small-cluster.ts';

const ids = newAllocators();
const dictionaryOf = (policies: NetworkPolicy[], pods: Pod[] = [pod('a'), pod('b')]) =>
  desiredState(cluster(pods, policies), [attachment('a', 16), attachment('b', 17)], NODE, ids).dictionary;

const ALLOW = policy('allow', {
  podSelector: { matchLabels: { app: 'a' } },
  ingress: [{ from: [{ podSelector: {} }] }, { ports: [{ port: 80 }] }],
});
const STAGED = policy('staged', { policyTypes: ['Egress'] }, { 'spyglass.io/mode': 'audit' });

test('rules and defaults have numbers that say what they are', () => {
  const { rules, policies } = dictionaryOf([ALLOW, STAGED]);
  const [first, second] = policies.find((it) => it.name === 'allow')?.rules.ingress ?? [];
  const source = { kind: 'NetworkPolicy', namespace: 'shop', name: 'allow', direction: 'ingress' };
  expect(rules.slice(0, 2)).toEqual([
    { ref: first, ...source, index: 0 },
    { ref: second, ...source, index: 1 },
  ]);
  expect(rules.slice(2).map((it) => ({ ...it, ref: 0 }))).toEqual([
    { ref: 0, default: true, direction: 'ingress', audit: false, policies: [{ namespace: 'shop', name: 'allow' }] },
    { ref: 0, default: true, direction: 'egress', audit: true, policies: [{ namespace: 'shop', name: 'staged' }] },
  ]);
  expect(new Set(rules.map((it) => it.ref)).size).toBe(4);
  expect(Math.min(...rules.map((it) => it.ref))).toBeGreaterThan(0);
});

test('a policy tells whom it selects here, its mode and its spec', () => {
  const { policies } = dictionaryOf([ALLOW, STAGED]);
  expect(policies.map(({ name, mode, endpoints, policy_types }) => ({ name, mode, endpoints, policy_types }))).toEqual([
    { name: 'allow', mode: 'enforce', endpoints: [16], policy_types: ['Ingress'] },
    { name: 'staged', mode: 'audit', endpoints: [16, 17], policy_types: ['Egress'] },
  ]);
  expect(policies[0]?.spec).toEqual(ALLOW.spec);
});

test('what says the same is the same object, and a removed policy gives its numbers back', () => {
  const before = dictionaryOf([ALLOW, STAGED]);
  const after = dictionaryOf([structuredClone(ALLOW)]);
  expect(after.policies[0]).toBe(before.policies[0]);
  expect(after.rules[0]).toBe(before.rules[0]);
  expect(after.rules.map((it) => 'default' in it && it.audit)).toEqual([false, false, false]);
});

test.each([
  [
    { ingress: [{ ports: [{ port: 'web' }] }] },
    'ingress rule 0 allows nothing by the port name web (TCP): no pod that it selects has it',
  ],
  [
    { egress: [{}, { ports: [{ port: 'http', protocol: 'UDP' }] }] },
    'egress rule 1 allows nothing by the port name http (UDP): no pod has it',
  ],
  [
    { policyTypes: ['Egress'], ingress: [{}] },
    'its ingress rules have no effect, because policyTypes does not name Ingress',
  ],
  [{ ingress: [{ from: [{ ipBlock: { cidr: '10.1.2.3/8' } }] }] }, 'the block 10.1.2.3/8 is read as 10.0.0.0/8'],
])('%j is warned of', (spec, warning) => {
  const http = [{ name: 'http', containerPort: 80, protocol: 'TCP' as const }];
  const { policies } = dictionaryOf([policy('p', spec)], [pod('a', { containerPorts: http }), pod('b')]);
  expect(policies[0]?.warnings).toEqual([warning]);
});
