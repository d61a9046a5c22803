import { describe, expect, test } from 'vitest';
import type { PolicyDetail, PolicyHits, PolicyStatus } from '../../../server/wire/policies.ts';
import { policyLines } from './policy-lines.ts';
import { worstFirst } from './policy-order.ts';

const NONE: PolicyHits = { hits: 0, last_hit: null };
const hits = (count: number, at = '2026-03-04T10:00:00Z'): PolicyHits => ({ hits: count, last_hit: at });

function policy(name: string, more: Partial<PolicyStatus> = {}): PolicyStatus {
  return {
    kind: 'NetworkPolicy',
    namespace: 'shop',
    name,
    uid: name,
    mode: 'enforce',
    policy_types: ['Ingress'],
    pods: 2,
    rules: [],
    default: { ingress: NONE, egress: null },
    unused: false,
    warnings: [],
    ...more,
  };
}

test('what denies comes first, then what is wrong, then what is dead, then the rest by use', () => {
  const rule = { direction: 'ingress', index: 0, ...hits(7), unused: false } as const;
  const order = worstFirst([
    policy('a-fine', { rules: [rule] }),
    policy('b-dead', { unused: true }),
    policy('c-denies-little', { default: { ingress: hits(1), egress: null } }),
    policy('d-selects-nothing', { pods: 0, unused: true }),
    policy('e-denies', { default: { ingress: hits(9), egress: null } }),
    policy('f-finer', { rules: [{ ...rule, hits: 70 }] }),
  ]);
  expect(order.map((it) => it.policy.name)).toEqual([
    'e-denies',
    'c-denies-little',
    'd-selects-nothing',
    'b-dead',
    'f-finer',
    'a-fine',
  ]);
});

describe('a policy line by line', () => {
  const detail: NonNullable<PolicyDetail['policy']> = {
    ...policy('orders', {
      rules: [
        { direction: 'ingress', index: 0, ...hits(1204), unused: false },
        { direction: 'ingress', index: 1, ...NONE, unused: true },
      ],
      default: { ingress: hits(3), egress: null },
    }),
    selected: [],
    spec: {
      podSelector: { matchLabels: { app: 'orders' }, matchExpressions: [] },
      policyTypes: ['Ingress'],
      ingress: [
        { from: [{ podSelector: { matchLabels: {}, matchExpressions: [] }, ipBlock: null }] },
        { ports: [{ port: 8080, endPort: null }] },
      ],
    },
  };
  const lines = policyLines(detail, '09:00', (time) => time.slice(11, 16));

  test('is the YAML that the API stores', () => {
    expect(lines.map(({ text }) => text)).toEqual([
      'podSelector:',
      '  matchLabels:',
      '    app: orders',
      'policyTypes:',
      '  - Ingress',
      'ingress:',
      '  - from:',
      '      - podSelector: {}',
      '  - ports:',
      '      - port: 8080',
    ]);
  });

  test('says beside each rule what it decided, and which lines are its own', () => {
    expect(lines.filter(({ note }) => note !== null).map(({ text, note, part }) => [text.trim(), note, part])).toEqual([
      ['- Ingress', { text: 'denied 3, last 10:00', tone: 'denied' }, 'ingress'],
      ['- from:', { text: '1,204 hits, last 10:00', tone: 'hit' }, 'ingress/0'],
      ['- ports:', { text: 'never hit since 09:00', tone: 'never' }, 'ingress/1'],
    ]);
    expect(lines.filter(({ part }) => part === 'ingress/1')).toHaveLength(2);
  });

  test('on trial it would have denied', () => {
    const trial = policyLines({ ...detail, mode: 'audit' }, '09:00', String);
    expect(trial.find(({ part }) => part === 'ingress')?.note?.text).toMatch(/^would have denied 3/);
  });
});
