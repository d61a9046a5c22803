/** Whom rules name by labels: pods, namespaces, both together, expressions. */
import type { PolicyCase } from './policy-case.ts';

/** Isolates all pods of x, and lets in whom `peers` names. */
const into = (...peers: string[]): string[] => [`x {podSelector: {}, ingress: [{from: [${peers.join(', ')}]}]}`];

/** Isolates what all pods of x begin, but for what `peers` names. */
const outOf = (...peers: string[]): string[] => [
  `x {podSelector: {}, policyTypes: [Egress], egress: [{to: [${peers.join(', ')}]}]}`,
];

export const PEERS: readonly PolicyCase[] = [
  {
    name: 'from the own namespace: an empty pod selector',
    policies: into('{podSelector: {}}'),
    expected: `
      - * -> x
      + x -> x`,
  },
  {
    name: 'from pods of the own namespace by label',
    policies: into('{podSelector: {matchLabels: {pod: b}}}'),
    expected: `
      - * -> x
      + x-b -> x`,
  },
  {
    name: 'from every namespace, which is every pod and nobody else',
    policies: into('{namespaceSelector: {}}'),
    expected: `
      - * -> x
      + pods -> x`,
  },
  {
    name: 'from another namespace by its label',
    policies: into('{namespaceSelector: {matchLabels: {team: blue}}}'),
    expected: `
      - * -> x
      + y -> x`,
  },
  {
    name: 'from a namespace by name',
    policies: into('{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}'),
    expected: `
      - * -> x
      + z -> x`,
  },
  {
    name: 'namespace and pod selector in one peer: both must hold',
    policies: into('{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {pod: a}}}'),
    expected: `
      - * -> x
      + y-a -> x`,
  },
  {
    name: 'namespace and pod selector as two peers: one must hold, the pods being those of the own namespace',
    policies: into('{namespaceSelector: {matchLabels: {team: blue}}}', '{podSelector: {matchLabels: {pod: a}}}'),
    expected: `
      - * -> x
      + y,x-a -> x`,
  },
  {
    name: 'pods by label in every namespace',
    policies: into('{namespaceSelector: {}, podSelector: {matchLabels: {role: web}}}'),
    expected: `
      - * -> x
      + *-a -> x`,
  },
  {
    name: 'all pods of a namespace: an empty pod selector beside a namespace selector',
    policies: into('{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}'),
    expected: `
      - * -> x
      + y -> x`,
  },
  {
    name: 'a namespace selector with the labels of the own namespace',
    policies: into('{namespaceSelector: {matchLabels: {team: red}}}'),
    expected: `
      - * -> x
      + x -> x`,
  },
  {
    name: 'several labels must all be there',
    policies: into(
      '{namespaceSelector: {matchLabels: {env: prod, team: blue}}, podSelector: {matchLabels: {pod: a, role: db}}}',
    ),
    expected: '- * -> x',
  },
  {
    name: 'pods In',
    policies: into(
      '{namespaceSelector: {}, podSelector: {matchExpressions: [{key: pod, operator: In, values: [a, c]}]}}',
    ),
    expected: `
      - * -> x
      + *-a,*-c -> x`,
  },
  {
    name: 'pods NotIn, which holds without the label',
    policies: into(
      '{namespaceSelector: {}, podSelector: {matchExpressions: [{key: role, operator: NotIn, values: [web]}]}}',
    ),
    expected: `
      - * -> x
      + *-b,*-c -> x`,
  },
  {
    name: 'pods Exists',
    policies: into('{podSelector: {matchExpressions: [{key: role, operator: Exists}]}}'),
    expected: `
      - * -> x
      + x-a,x-b -> x`,
  },
  {
    name: 'pods DoesNotExist',
    policies: into('{namespaceSelector: {}, podSelector: {matchExpressions: [{key: role, operator: DoesNotExist}]}}'),
    expected: `
      - * -> x
      + *-c -> x`,
  },
  {
    name: 'namespaces In',
    policies: into('{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [red, blue]}]}}'),
    expected: `
      - * -> x
      + x,y -> x`,
  },
  {
    name: 'namespaces NotIn, which holds without the label',
    policies: into('{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [red]}]}}'),
    expected: `
      - * -> x
      + y,z -> x`,
  },
  {
    name: 'namespaces Exists',
    policies: into('{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}'),
    expected: `
      - * -> x
      + x,y -> x`,
  },
  {
    name: 'namespaces DoesNotExist',
    policies: into('{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}'),
    expected: `
      - * -> x
      + z -> x`,
  },
  {
    name: 'labels and expressions together: all must hold',
    policies: into(
      '{namespaceSelector: {matchLabels: {env: prod}, matchExpressions: [{key: team, operator: NotIn, values: [red]}]}}',
    ),
    expected: `
      - * -> x
      + y -> x`,
  },
  {
    name: 'the policy itself selects by expression',
    policies: [
      'x {podSelector: {matchExpressions: [{key: role, operator: In, values: [web, db]}]}, policyTypes: [Ingress]}',
    ],
    expected: '- * -> x-a,x-b',
  },
  {
    name: 'out to the own namespace',
    policies: outOf('{podSelector: {}}'),
    expected: `
      - x -> *
      + x -> x`,
  },
  {
    name: 'out to another namespace by its label',
    policies: outOf('{namespaceSelector: {matchLabels: {team: blue}}}'),
    expected: `
      - x -> *
      + x -> y`,
  },
  {
    name: 'out to pods of another namespace by both selectors',
    policies: outOf('{namespaceSelector: {matchLabels: {env: test}}, podSelector: {matchLabels: {role: db}}}'),
    expected: `
      - x -> *
      + x -> z-b`,
  },
  {
    name: 'out to every namespace: pods, not the world and not other nodes',
    policies: outOf('{namespaceSelector: {}}'),
    expected: `
      - x -> *
      + x -> pods`,
  },
  {
    name: 'a pod on the network of a node is no peer of a selector, though its labels match',
    policies: into('{podSelector: {matchLabels: {role: web}}}'),
    expected: `
      - * -> x
      + x-a -> x`,
  },
  {
    name: 'a policy does not isolate pods on the network of a node',
    policies: ['x {podSelector: {matchLabels: {role: web}}, policyTypes: [Ingress, Egress]}'],
    expected: `
      - * -> x-a
      - x-a -> *`,
  },
  {
    name: 'a label of a pod changed',
    labels: { pods: { 'y-c': { pod: 'a' }, 'x-a': { pod: 'c' } } },
    policies: into('{namespaceSelector: {}, podSelector: {matchLabels: {pod: a}}}'),
    expected: `
      - * -> x
      + y-a,y-c,z-a -> x`,
  },
  {
    name: 'the label that a policy selects by moved to another pod',
    labels: { pods: { 'x-a': {}, 'x-c': { pod: 'a' } } },
    policies: ['x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}'],
    expected: '- * -> x-c',
  },
  {
    name: 'a label of a namespace changed',
    labels: { namespaces: { y: {}, z: { team: 'blue' } } },
    policies: into('{namespaceSelector: {matchLabels: {team: blue}}}'),
    expected: `
      - * -> x
      + z -> x`,
  },
];
