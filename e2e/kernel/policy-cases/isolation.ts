/** Default deny, allow all, and what empty and absent fields mean. */
import type { PolicyCase } from './policy-case.ts';

export const ISOLATION: readonly PolicyCase[] = [
  { name: 'no policy: everything is reached', policies: [], expected: '' },
  {
    name: 'default deny ingress',
    policies: ['x {podSelector: {}, policyTypes: [Ingress]}'],
    expected: '- * -> x',
  },
  {
    name: 'default deny egress',
    policies: ['x {podSelector: {}, policyTypes: [Egress]}'],
    expected: '- x -> *',
  },
  {
    name: 'default deny of both directions',
    policies: ['x {podSelector: {}, policyTypes: [Ingress, Egress]}'],
    expected: `
      - * -> x
      - x -> *`,
  },
  {
    name: 'default deny in every namespace',
    policies: ['x', 'y', 'z'].map((it) => `${it} {podSelector: {}, policyTypes: [Ingress, Egress]}`),
    expected: '- * -> *',
  },
  {
    name: 'policyTypes absent, no rules: ingress only',
    policies: ['x {podSelector: {}}'],
    expected: '- * -> x',
  },
  {
    name: 'policyTypes absent, ingress rules: ingress only',
    policies: ['x {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: a}}}]}]}'],
    expected: `
      - * -> x
      + x-a -> x`,
  },
  {
    name: 'policyTypes absent, egress rules: both, without ingress rules nothing comes in',
    policies: ['x {podSelector: {}, egress: [{}]}'],
    expected: '- * -> x',
  },
  {
    name: 'policyTypes [Egress] ignores ingress rules',
    policies: ['x {podSelector: {}, policyTypes: [Egress], ingress: [{}]}'],
    expected: '- x -> *',
  },
  {
    name: 'policyTypes [Ingress] ignores egress rules',
    policies: ['x {podSelector: {}, policyTypes: [Ingress], egress: [{}]}'],
    expected: '- * -> x',
  },
  {
    name: 'an empty list of ingress rules denies',
    policies: ['x {podSelector: {}, ingress: []}'],
    expected: '- * -> x',
  },
  {
    name: 'an empty list of egress rules denies, as far as policyTypes names egress',
    policies: ['x {podSelector: {}, policyTypes: [Egress], egress: []}'],
    expected: '- x -> *',
  },
  {
    name: 'an empty ingress rule allows all',
    policies: ['x {podSelector: {}, ingress: [{}]}'],
    expected: '',
  },
  {
    name: 'an empty egress rule allows all',
    policies: ['x {podSelector: {}, policyTypes: [Egress], egress: [{}]}'],
    expected: '',
  },
  {
    name: 'an empty list of peers is everyone',
    policies: ['x {podSelector: {}, ingress: [{from: [], ports: [{port: 80}]}]}'],
    expected: `
      - * -> x
      + * -> x tcp/80`,
  },
  {
    name: 'absent peers are everyone, also those to speak to',
    policies: ['x {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}'],
    expected: `
      - x -> *
      + x -> * tcp/80`,
  },
  {
    name: 'an empty list of ports is every port',
    policies: ['x {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}], ports: []}]}'],
    expected: `
      - * -> x
      + x-b -> x`,
  },
  {
    name: 'a pod selector isolates only what it selects',
    policies: ['x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress]}'],
    expected: `
      - * -> x-a
      - x-a -> *`,
  },
  {
    name: 'a policy of a namespace does not select pods of others',
    policies: ['y {podSelector: {matchLabels: {role: db}}, policyTypes: [Ingress, Egress]}'],
    expected: `
      - * -> y-b
      - y-b -> *`,
  },
  {
    name: 'a selector that selects nothing changes nothing',
    policies: ['x {podSelector: {matchLabels: {pod: nobody}}, policyTypes: [Ingress, Egress]}'],
    expected: '',
  },
  {
    name: 'replies to what is allowed pass, though nothing may come in',
    policies: ['x {podSelector: {}, policyTypes: [Ingress]}', 'y {podSelector: {}, policyTypes: [Ingress]}'],
    expected: '- * -> x,y',
  },
  {
    name: 'both ends must allow: egress here, ingress there',
    policies: [
      'x {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}',
      'y {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}',
    ],
    expected: `
      - x -> *
      - * -> y
      + y -> y`,
  },
];
