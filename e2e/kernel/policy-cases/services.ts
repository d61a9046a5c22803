/** Services: rules are about the pod behind, its address and its port. x/svc port 80 is port 81 of x-a, TCP and UDP. */
import type { PolicyCase } from './policy-case.ts';

export const SERVICES: readonly PolicyCase[] = [
  {
    name: 'ingress of the backend counts for its service',
    policies: ['x {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {}}]}]}'],
    expected: `
      - * -> x-a,svc
      + x -> x-a,svc`,
  },
  {
    name: 'a pod reaches itself through its own service, whatever is denied',
    policies: ['x {podSelector: {}, policyTypes: [Ingress, Egress]}'],
    expected: `
      - * -> x,svc
      - x -> *
      + x-a -> svc`,
  },
  {
    name: 'ingress on the port of the service does not open it',
    policies: ['x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 80}]}]}'],
    expected: `
      - * -> x-a,svc
      + * -> x-a tcp/80
      + x-a -> svc`,
  },
  {
    name: 'ingress on the target port does',
    policies: ['x {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81}]}]}'],
    expected: `
      - * -> x-a,svc
      + * -> x-a tcp/81
      + * -> svc tcp
      + x-a -> svc`,
  },
  {
    name: 'out to the pod behind the service, on the target port',
    policies: [
      `y {podSelector: {}, policyTypes: [Egress], egress: [{
        to: [{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {pod: a}}}],
        ports: [{port: 81, protocol: UDP}]}]}`,
    ],
    expected: `
      - y -> *
      + y -> x-a udp/81
      + y -> svc udp`,
  },
  {
    name: 'out to the address of the service opens nothing, to that of its pod does',
    policies: [
      'y {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.96.0.10/32}}]}]}',
      'z {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.42.0.2/32}}]}]}',
    ],
    expected: `
      - y,z -> *
      + z -> x-a,svc IPv4`,
  },
];
