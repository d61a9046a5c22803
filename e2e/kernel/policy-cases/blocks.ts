/**
 * Address ranges. Pods have 10.42.0.2 to .10 and fd42::2 to ::a in the order x-a, x-b, x-c, y-a, ...; the world is
 * 192.0.2.2 and 2001:db8::2, world2 .3 and ::3, the other node .4 and ::4.
 */
import type { PolicyCase } from './policy-case.ts';

/** Isolates all pods of x, and lets in whom the blocks cover. */
const into = (...blocks: string[]): string[] => [
  `x {podSelector: {}, ingress: [{from: [${blocks.map((it) => `{ipBlock: ${it}}`).join(', ')}]}]}`,
];

/** Isolates what all pods of x begin, but for what the blocks cover. */
const outOf = (...blocks: string[]): string[] => [
  `x {podSelector: {}, policyTypes: [Egress], egress: [{to: [${blocks.map((it) => `{ipBlock: ${it}}`).join(', ')}]}]}`,
];

export const BLOCKS: readonly PolicyCase[] = [
  {
    name: 'from a block of the world, of one family',
    policies: into('{cidr: 192.0.2.0/24}'),
    expected: `
      - * -> x
      + world,world2,remote -> x IPv4`,
  },
  {
    name: 'from a block of the world, of the other family',
    policies: into('{cidr: "2001:db8::/32"}'),
    expected: `
      - * -> x
      + world,world2,remote -> x IPv6`,
  },
  {
    name: 'from one address',
    policies: into('{cidr: 192.0.2.2/32}', '{cidr: "2001:db8::3/128"}'),
    expected: `
      - * -> x
      + world -> x IPv4
      + world2 -> x IPv6`,
  },
  {
    name: 'from a block except one address, IPv4',
    policies: into('{cidr: 192.0.2.0/24, except: [192.0.2.3/32]}'),
    expected: `
      - * -> x
      + world,remote -> x IPv4`,
  },
  {
    name: 'from a block except one address, IPv6',
    policies: into('{cidr: "2001:db8::/64", except: ["2001:db8::2/127"]}'),
    expected: `
      - * -> x
      + remote -> x IPv6`,
  },
  {
    name: 'from everywhere except the pods',
    policies: into('{cidr: 0.0.0.0/0, except: [10.42.0.0/16]}', '{cidr: "::/0", except: ["fd42::/16"]}'),
    expected: `
      - * -> x
      + world,world2,remote -> x`,
  },
  {
    name: 'from everywhere, of one family',
    policies: into('{cidr: 0.0.0.0/0}'),
    expected: `
      - * -> x
      + * -> x IPv4`,
  },
  {
    name: 'a block that covers pods',
    policies: into('{cidr: 10.42.0.2/31}', '{cidr: "fd42::8/125"}'),
    expected: `
      - * -> x
      + x-a,x-b -> x IPv4
      + z -> x IPv6`,
  },
  {
    name: 'a block of pods except some of them',
    policies: into('{cidr: 10.42.0.0/24, except: [10.42.0.4/30, 10.42.0.8/29]}'),
    expected: `
      - * -> x
      + x-a,x-b -> x IPv4`,
  },
  {
    name: 'an exception is not one for another block that covers it',
    policies: into('{cidr: 192.0.2.0/24, except: [192.0.2.2/31]}', '{cidr: 192.0.2.3/32}'),
    expected: `
      - * -> x
      + world2,remote -> x IPv4`,
  },
  {
    name: 'an exception does not cut what a selector allows',
    policies: [
      `x {podSelector: {}, ingress: [{from: [
        {ipBlock: {cidr: 10.42.0.0/24, except: [10.42.0.2/32]}}, {podSelector: {matchLabels: {pod: a}}}]}]}`,
    ],
    expected: `
      - * -> x
      + pods -> x IPv4
      + x-a -> x`,
  },
  {
    name: 'nested blocks of two policies with different ports',
    policies: [
      'x {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}]}]}',
      'x {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.2/31}}], ports: [{port: 80, protocol: UDP}]}]}',
    ],
    expected: `
      - * -> x
      + world,world2,remote -> x tcp/80 IPv4
      + world,world2 -> x udp/80 IPv4`,
  },
  {
    name: 'nested blocks, the inner one excepted by the outer',
    policies: [
      `x {podSelector: {}, ingress: [
        {from: [{ipBlock: {cidr: 192.0.0.0/16, except: [192.0.2.0/24]}}]},
        {from: [{ipBlock: {cidr: 192.0.2.4/32}}]}]}`,
    ],
    expected: `
      - * -> x
      + remote -> x IPv4`,
  },
  {
    name: 'nested blocks of two policies that isolate different pods',
    policies: [
      'x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: "2001:db8::/64"}}]}]}',
      'x {podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{ipBlock: {cidr: "2001:db8::2/127"}}]}]}',
    ],
    expected: `
      - * -> x-a,x-b
      + world,world2,remote -> x-a IPv6
      + world,world2 -> x-b IPv6`,
  },
  {
    name: 'out to a block of the world',
    policies: outOf('{cidr: 192.0.2.2/31}', '{cidr: "2001:db8::2/128"}'),
    expected: `
      - x -> *
      + x -> world,world2 IPv4
      + x -> world IPv6`,
  },
  {
    name: 'out to a block except one address, both families',
    policies: outOf(
      '{cidr: 0.0.0.0/0, except: [10.42.0.0/24, 192.0.2.2/32]}',
      '{cidr: "::/0", except: ["fd42::/64", "2001:db8::3/128"]}',
    ),
    expected: `
      - x -> *
      + x -> world2,remote IPv4
      + x -> world,remote IPv6`,
  },
  {
    name: 'out to the block of all pods',
    policies: outOf('{cidr: 10.42.0.0/16}'),
    expected: `
      - x -> *
      + x -> pods IPv4`,
  },
  {
    name: 'a block of the node alone: the node reaches its pods and they reach it anyway',
    policies: [...into('{cidr: 10.42.0.1/32}'), ...outOf('{cidr: 192.0.2.1/32}')],
    expected: `
      - * -> x
      - x -> *`,
  },
  {
    name: 'a block except the node: traffic to and from the node passes still',
    policies: [
      ...into('{cidr: 0.0.0.0/0, except: [10.42.0.1/32, 192.0.2.1/32]}'),
      ...outOf('{cidr: 0.0.0.0/0, except: [10.42.0.1/32, 192.0.2.1/32]}'),
    ],
    expected: `
      - * -> x IPv6
      - x -> * IPv6`,
  },
  {
    name: 'another node, and pods on its network, by address',
    policies: [...into('{cidr: 192.0.2.4/32}'), ...outOf('{cidr: "2001:db8::4/128"}')],
    expected: `
      - * -> x
      - x -> *
      + remote -> x IPv4
      + x -> remote IPv6`,
  },
];
