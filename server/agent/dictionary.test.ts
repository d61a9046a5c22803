import { expect, test } from 'vitest';
import type { Desired } from '../datapath/desired.ts';
import type { IdentityEntry, PolicyEntry, RuleEntry } from '../wire/agent.ts';
import { AgentDictionary } from '../flows/dictionary.ts';
import { dictionaryParts } from '../flows/dictionary-parts.ts';
import { DictionarySource } from './dictionary.ts';

const rule = (ref: number): RuleEntry => ({
  ref,
  kind: 'NetworkPolicy',
  namespace: 'shop',
  name: `p${ref}`,
  direction: 'ingress',
  index: 0,
});
const policy = (ref: number): PolicyEntry => ({
  namespace: 'shop',
  name: `p${ref}`,
  uid: '',
  mode: 'enforce',
  policy_types: ['Ingress'],
  endpoints: [],
  rules: { ingress: [ref], egress: [] },
  spec: {},
  warnings: [],
});
const identity = (number: number): IdentityEntry => ({ identity: number, labels: ['x'.repeat(600)] });
const PROBLEM = { namespace: 'shop', name: 'bad', message: 'it is bad' };

const state = (change: Partial<Desired['dictionary']>): Desired['dictionary'] => ({
  endpoints: [],
  services: [],
  identities: [],
  rules: [],
  policies: [],
  policy_problems: [],
  ...change,
});

test('only differences are told, and nothing if there are none', () => {
  const source = new DictionarySource();
  const first = state({ rules: [rule(1), rule(2)], policies: [policy(1), policy(2)], policy_problems: [PROBLEM] });
  expect(source.update(first)).toMatchObject({ rules: [rule(1), rule(2)], policy_problems: [PROBLEM] });
  expect(source.update(structuredClone(first))).toBeNull();
  expect(source.update(state({ rules: [rule(2)], policies: [policy(2)], policy_problems: [PROBLEM] }))).toMatchObject({
    rules: [],
    removed_rules: [1],
    removed_policies: [{ namespace: 'shop', name: 'p1' }],
    policy_problems: null,
  });
  expect(source.update(state({ rules: [rule(2)], policies: [policy(2)] }))).toMatchObject({ policy_problems: [] });
  source.update(state({ identities: [identity(300), identity(301)] }));
  expect(source.update(state({ identities: [identity(301)] }))).toMatchObject({ removed_identities: [300] });
});

test('a large dictionary arrives in parts', () => {
  const source = new DictionarySource();
  const identities = Array.from({ length: 10_000 }, (_, i) => identity(i));
  source.update(state({ identities, rules: [rule(1)], policies: [policy(1)], policy_problems: [PROBLEM] }));
  const names = new AgentDictionary('n');
  const former = { rules: [rule(9)], policies: [policy(9)], identities: [identity(20_000)] };
  names.apply({ ...source.snapshot(), ...former }, 1);
  const parts = dictionaryParts(source.snapshot());
  expect(parts.length).toBeGreaterThan(5);
  expect(parts.map((it) => it.snapshot)).toEqual(parts.map((_, i) => i === 0));
  for (const part of parts) {
    expect(JSON.stringify(part).length).toBeLessThan(1.2 * 1024 * 1024);
    names.apply(part, 1);
  }
  expect([...names.policies.keys()]).toEqual(['shop/p1']);
  expect(names.policyProblems).toEqual([PROBLEM]);
  // What is gone stays readable while stored records may name it.
  expect(new Set(names.rules.keys())).toEqual(new Set([1, 9]));
  names.prune(2, Number.POSITIVE_INFINITY);
  expect([...names.rules.keys()]).toEqual([1]);
  expect(names.identities.size).toBe(10_000);
});
