import { expect, test } from 'vitest';
import { planFrom } from './manifests.ts';
import { nodePorts } from './node-ports.ts';
import type { ServicePlan } from './plan.ts';

const service = (name: string, spec: string): ServicePlan[] =>
  planFrom([{ name: 's.yaml', text: `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: ${spec}}` }])
    .services;
const web = service('web', '{type: NodePort, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}');
const port = (services: ServicePlan[], key: string, name: string, former = new Map()): number | undefined =>
  nodePorts(services, former).get(key)?.ports.get(name);

test('every port of types NodePort and LoadBalancer has one, in range and the same each time', () => {
  const ports = nodePorts(web, new Map()).get('default/web')?.ports;
  expect([...(ports?.keys() ?? [])]).toEqual(['http/TCP', 'dns/UDP']);
  for (const number of ports?.values() ?? []) {
    expect(number).toBeGreaterThanOrEqual(30_000);
    expect(number).toBeLessThanOrEqual(32_767);
  }
  expect(new Set(ports?.values()).size).toBe(2);
  const others = service('other', '{type: LoadBalancer, ports: [{port: 80}]}');
  expect(port([...others, ...web], 'default/web', 'http/TCP')).toBe(ports?.get('http/TCP'));
  expect(nodePorts(service('plain', '{ports: [{port: 80}]}'), new Map()).size).toBe(0);
});

test('a given number is honoured; who had it by chance gets another, and keeps that', () => {
  const chance = port(web, 'default/web', 'http/TCP') ?? 0;
  const former = nodePorts(web, new Map());
  const fixed = service('fixed', `{type: NodePort, ports: [{port: 80, nodePort: ${chance}}]}`);
  const both = nodePorts([...web, ...fixed], former);
  expect(both.get('default/fixed')?.ports.get('/TCP')).toBe(chance);
  const moved = both.get('default/web')?.ports.get('http/TCP');
  expect(moved).not.toBe(chance);
  expect(port(web, 'default/web', 'http/TCP', both)).toBe(moved);
});

test('a number wanted twice is refused; by two protocols it may be shared', () => {
  const tcp = service('a', '{type: NodePort, ports: [{port: 80, nodePort: 30080}]}');
  const again = service('b', '{type: NodePort, ports: [{port: 81, nodePort: 30080}]}');
  expect(() => nodePorts([...tcp, ...again], new Map())).toThrow(
    's.yaml line 1 (Service default/b): node port 30080/TCP belongs to service default/a already',
  );
  const udp = service('c', '{type: NodePort, ports: [{port: 80, nodePort: 30080, protocol: UDP}]}');
  expect(port([...tcp, ...udp], 'default/c', '/UDP')).toBe(30_080);
});

test('a load balancer with externalTrafficPolicy Local has a port for health checks', () => {
  const [spec, given] = [
    'type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]',
    'healthCheckNodePort: 30100',
  ];
  const open = nodePorts(service('lb', `{${spec}}`), new Map()).get('default/lb');
  expect(open?.healthCheck).toBeGreaterThanOrEqual(30_000);
  expect(open?.healthCheck).not.toBe(open?.ports.get('/TCP'));
  expect(nodePorts(service('lb', `{${spec}, ${given}}`), new Map()).get('default/lb')?.healthCheck).toBe(30_100);
});
