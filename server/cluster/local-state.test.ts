import { describe, expect, test } from 'vitest';
import { localState } from './local-state.ts';
import type { LocalPod } from './local-state.ts';
import { planFrom } from './manifests.ts';
import { nodePorts } from './node-ports.ts';
import { clusterIPs } from './service-addresses.ts';

const NODE = {
  name: 'demo-1',
  labels: {},
  addresses: ['10.42.0.1', 'fd42::1'],
  podCIDRs: ['10.42.0.0/24', 'fd42::/64'],
};

const TEXT = `
{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: x}}, spec: {containers: [{name: c, command: [a], ports: [{name: http, containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: x}}, spec: {containers: [{name: c, command: [b], ports: [{name: http, containerPort: 9090}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: both}, spec: {ipFamilyPolicy: RequireDualStack, selector: {app: x}, ports: [{port: 80, targetPort: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, selector: {app: x}, ports: [{port: 5}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: nobody}, spec: {ports: [{port: 80}]}}
`;

const plan = planFrom([{ name: 'x.yaml', text: TEXT }]);
const pods = (ready: boolean): LocalPod[] =>
  plan.pods.map((it, i) => ({
    plan: it,
    uid: `uid-${i}`,
    podIPs: [`10.42.0.${i + 2}`, `fd42::${i + 2}`],
    ready,
    terminating: false,
    created: '2026-01-01T00:00:00.000Z',
  }));

describe('the cluster model of a standalone node', () => {
  const grants = { addresses: clusterIPs(plan.services, new Map()), nodePorts: nodePorts(plan.services, new Map()) };
  const state = localState(NODE, plan, grants, pods(true));

  test('slices: one a family, split where named ports differ, none without selector', () => {
    expect(state.endpointSlices.map((it) => [it.name, it.ports[0]?.port, it.endpoints[0]?.addresses])).toEqual([
      ['both-ipv4-0', 8080, ['10.42.0.2']],
      ['both-ipv4-1', 9090, ['10.42.0.3']],
      ['both-ipv6-0', 8080, ['fd42::2']],
      ['both-ipv6-1', 9090, ['fd42::3']],
      ['headless-ipv4-0', 5, ['10.42.0.2']],
    ]);
  });

  test('a pod that is not ready is listed as not ready', () => {
    const { endpointSlices } = localState(NODE, plan, grants, pods(false));
    expect(endpointSlices[0]?.endpoints[0]?.conditions).toEqual({ ready: false, serving: false, terminating: false });
  });

  test('a pod that is not wired is in no slice', () => {
    const unwired = pods(true).map((it) => ({ ...it, podIPs: [] }));
    expect(localState(NODE, plan, grants, unwired).endpointSlices).toEqual([]);
  });
});

describe('cluster IPs', () => {
  const service = (name: string, spec: string) =>
    planFrom([{ name: 's.yaml', text: `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: ${spec}}` }])
      .services;

  test('are in range, stable, and the same whatever else there is', () => {
    const [v4, v6] = clusterIPs(plan.services, new Map()).get('default/both') ?? [];
    expect(v4).toMatch(/^10\.96\./);
    expect(v6).toMatch(/^fd96::/);
    expect(clusterIPs(plan.services.slice(0, 1), new Map()).get('default/both')).toEqual([v4, v6]);
    expect(clusterIPs(plan.services, new Map()).get('default/headless')).toEqual([]);
  });

  test('fixed addresses are honoured, and taken from nobody', () => {
    const fixed = service('dns', '{clusterIP: 10.96.0.10, ports: [{port: 53}]}');
    expect(clusterIPs(fixed, new Map()).get('default/dns')).toEqual(['10.96.0.10']);
    const again = [...fixed, ...service('two', '{clusterIP: 10.96.0.10, ports: [{port: 53}]}')];
    expect(() => clusterIPs(again, new Map())).toThrow('belongs to service default/dns already');
    const outside = service('far', '{clusterIP: 10.0.0.1, ports: [{port: 53}]}');
    expect(() => clusterIPs(outside, new Map())).toThrow('is not in the service range 10.96.0.0/16');
  });
});

describe('endpoints of pods that are not simply ready', () => {
  const text = (more: string): string => `
{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: x}}, spec: {containers: [{name: c, command: [a]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app: x}, ports: [{port: 80}]${more}}}`;
  const conditions = (ready: boolean, terminating: boolean, more = '') => {
    const plan = planFrom([{ name: 'x.yaml', text: text(more) }]);
    const { services, pods: planned } = plan;
    const local = planned.map((it) => ({ plan: it, uid: 'u', podIPs: ['10.42.0.2'], ready, terminating, created: '' }));
    const grants = { addresses: clusterIPs(services, new Map()), nodePorts: nodePorts(services, new Map()) };
    return localState(NODE, plan, grants, local).endpointSlices[0]?.endpoints[0]?.conditions;
  };

  test('one that terminates serves until it is no longer ready', () => {
    expect(conditions(true, true)).toEqual({ ready: false, serving: true, terminating: true });
    expect(conditions(false, true)).toEqual({ ready: false, serving: false, terminating: true });
  });

  test('publishNotReadyAddresses makes all of them ready', () => {
    expect(conditions(false, false, ', publishNotReadyAddresses: true')).toMatchObject({ ready: true, serving: false });
  });
});
