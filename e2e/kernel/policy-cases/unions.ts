/** Several policies at once, and policies that are tried out. */
import type { PolicyCase } from './policy-case.ts';

const DENY = 'x {podSelector: {}, policyTypes: [Ingress, Egress]}';

export const UNIONS: readonly PolicyCase[] = [
  {
    name: 'two policies of one pod allow what either allows',
    policies: [
      'x {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}',
      'x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}',
    ],
    expected: `
      - * -> x
      + x-b -> x
      + y -> x-a`,
  },
  {
    name: 'default deny and an allow beside it',
    policies: [DENY, 'x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {}}]}]}'],
    expected: `
      - * -> x
      - x -> *
      + y,z -> x-a`,
  },
  {
    name: 'an allow of all outweighs a default deny',
    policies: [DENY, 'x {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}'],
    expected: '',
  },
  {
    name: 'several rules of one policy are alternatives, peers and ports of one rule belong together',
    policies: [
      `x {podSelector: {}, ingress: [
        {from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]},
        {from: [{podSelector: {matchLabels: {pod: c}}}], ports: [{port: 80, protocol: UDP}]}]}`,
    ],
    expected: `
      - * -> x
      + x-b -> x tcp/80
      + x-c -> x udp/80`,
  },
  {
    name: 'ports of one policy do not narrow the peers of another',
    policies: [
      'x {podSelector: {}, ingress: [{ports: [{port: 80}]}]}',
      'x {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}',
    ],
    expected: `
      - * -> x
      + * -> x tcp/80
      + x-b -> x`,
  },
  {
    name: 'an allow in another namespace does not help',
    policies: [DENY, 'y {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}'],
    expected: `
      - * -> x
      - x -> *`,
  },
  {
    name: 'the same policy in two namespaces: selectors mean pods of each own namespace',
    policies: ['x', 'y'].map((it) => `${it} {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`),
    expected: `
      - * -> x,y
      + x -> x
      + y -> y`,
  },
  {
    name: 'audit: everything passes',
    policies: ['x audit {podSelector: {}, policyTypes: [Ingress, Egress]}'],
    expected: '',
  },
  {
    name: 'audit beside enforced: the audited policy neither denies nor allows',
    policies: [
      'x audit {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}',
      'x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}',
    ],
    expected: `
      - * -> x-a
      + y -> x-a`,
  },
  {
    name: 'audit of one direction beside enforcement of the other',
    policies: ['x audit {podSelector: {}, policyTypes: [Egress]}', 'x {podSelector: {}, policyTypes: [Ingress]}'],
    expected: '- * -> x',
  },
];
