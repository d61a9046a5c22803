/** Which ports rules name: by number, by name, by range, by protocol. */
import type { PolicyCase } from './policy-case.ts';

/** Isolates all pods of x, and lets in from everywhere what `ports` names. */
const into = (...ports: string[]): string[] => [`x {podSelector: {}, ingress: [{ports: [${ports.join(', ')}]}]}`];

/** Isolates what all pods of x begin, but for what `ports` names. */
const outTo = (...ports: string[]): string[] => [
  `x {podSelector: {}, policyTypes: [Egress], egress: [{ports: [${ports.join(', ')}]}]}`,
];

const SAME_LABELS = { pods: { 'x-a': { pod: 'a' }, 'x-b': { pod: 'a' } } };

export const PORT_CASES: readonly PolicyCase[] = [
  {
    name: 'a port by number, TCP unless it says otherwise',
    policies: into('{port: 80}'),
    expected: `
      - * -> x
      + * -> x tcp/80`,
  },
  {
    name: 'a UDP port',
    policies: into('{port: 53, protocol: UDP}'),
    expected: `
      - * -> x
      + * -> x udp/53`,
  },
  {
    name: 'TCP and UDP on the same port',
    policies: into('{port: 53, protocol: UDP}', '{port: 53, protocol: TCP}'),
    expected: `
      - * -> x
      + * -> x 53`,
  },
  {
    name: 'several ports',
    policies: into('{port: 80}', '{port: 81, protocol: UDP}', '{port: 53}'),
    expected: `
      - * -> x
      + * -> x tcp/80,udp/81,tcp/53`,
  },
  {
    name: 'a protocol without port is every port of it',
    policies: into('{protocol: UDP}'),
    expected: `
      - * -> x
      + * -> x udp`,
  },
  {
    name: 'an empty port is every TCP port',
    policies: into('{}'),
    expected: `
      - * -> x
      + * -> x tcp`,
  },
  {
    name: 'SCTP beside TCP opens no other TCP port',
    policies: into('{protocol: SCTP}', '{port: 81, protocol: SCTP}', '{port: 80}'),
    expected: `
      - * -> x
      + * -> x tcp/80`,
  },
  {
    name: 'a range of ports, its ends included',
    policies: into('{port: 80, endPort: 81}'),
    expected: `
      - * -> x
      + * -> x tcp/80,tcp/81`,
  },
  {
    name: 'a range that does not divide evenly',
    policies: into('{port: 50, endPort: 80, protocol: UDP}'),
    expected: `
      - * -> x
      + * -> x udp/53,udp/80`,
  },
  {
    name: 'a range of one port',
    policies: into('{port: 81, endPort: 81}'),
    expected: `
      - * -> x
      + * -> x tcp/81`,
  },
  {
    name: 'a range of all ports is one protocol still',
    policies: into('{port: 1, endPort: 65535}'),
    expected: `
      - * -> x
      + * -> x tcp`,
  },
  {
    name: 'ranges that overlap',
    policies: into('{port: 1, endPort: 80}', '{port: 60, endPort: 100}'),
    expected: `
      - * -> x
      + * -> x tcp`,
  },
  {
    name: 'a port by name: 80 at one pod, 81 at another, none at the third',
    policies: into('{port: web}'),
    expected: `
      - * -> x
      + * -> x-a tcp/80
      + * -> x-b tcp/81`,
  },
  {
    name: 'a name with two meanings at two pods with the same labels',
    labels: SAME_LABELS,
    policies: ['x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: web}]}]}'],
    expected: `
      - * -> x-a,x-b
      + * -> x-a tcp/80
      + * -> x-b tcp/81`,
  },
  {
    name: 'a name is that of a port of the same protocol',
    policies: into('{port: dns}'),
    expected: '- * -> x',
  },
  {
    name: 'a UDP port by name',
    policies: into('{port: dns, protocol: UDP}'),
    expected: `
      - * -> x
      + * -> x-a udp/53`,
  },
  {
    name: 'a name and a number in one rule',
    policies: into('{port: web}', '{port: 53, protocol: UDP}'),
    expected: `
      - * -> x
      + * -> x udp/53
      + * -> x-a tcp/80
      + * -> x-b tcp/81`,
  },
  {
    name: 'peers and ports of one rule: both must hold',
    policies: [
      `x {podSelector: {}, ingress: [{
        from: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: web}, {protocol: UDP}]}]}`,
    ],
    expected: `
      - * -> x
      + y -> x-a tcp/80,udp
      + y -> x-b tcp/81,udp
      + y -> x-c udp`,
  },
  {
    name: 'out to a port by number',
    policies: outTo('{port: 81}'),
    expected: `
      - x -> *
      + x -> * tcp/81`,
  },
  {
    name: 'out to a range of ports',
    policies: outTo('{port: 53, endPort: 80, protocol: UDP}'),
    expected: `
      - x -> *
      + x -> * udp/53,udp/80`,
  },
  {
    name: 'out for DNS only',
    policies: outTo('{port: 53, protocol: UDP}', '{port: 53, protocol: TCP}'),
    expected: `
      - x -> *
      + x -> * 53`,
  },
  {
    name: 'out for DNS to anyone, for all else to one namespace',
    policies: [
      `x {podSelector: {}, policyTypes: [Egress], egress: [
        {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]},
        {to: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}`,
    ],
    expected: `
      - x -> *
      + x -> * 53
      + x -> y`,
  },
  {
    name: 'out to a port by name: what the pod spoken to calls so, and nothing outside',
    policies: outTo('{port: web}'),
    expected: `
      - x -> *
      + x -> *-a tcp/80
      + x -> *-b tcp/81`,
  },
  {
    name: 'out to a name with two meanings at two pods with the same labels',
    labels: SAME_LABELS,
    policies: [
      `y {podSelector: {}, policyTypes: [Egress], egress: [{
        to: [{namespaceSelector: {}, podSelector: {matchLabels: {pod: a}}}], ports: [{port: web}]}]}`,
    ],
    expected: `
      - y -> *
      + y -> *-a tcp/80
      + y -> x-b tcp/81`,
  },
  {
    name: 'out here and in there: only what both let through',
    policies: [
      ...outTo('{port: 80}', '{port: 81}'),
      'y {podSelector: {}, ingress: [{ports: [{port: 81}, {port: 53, protocol: UDP}]}]}',
    ],
    expected: `
      - x -> *
      + x -> * tcp/80,tcp/81
      - * -> y
      + y,z,world,world2,remote -> y tcp/81,udp/53
      + x -> y tcp/81`,
  },
];
