import { describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { MapEdge } from '../../../server/wire/service-map.ts';
import { edgeOfId, isOfEdge, isOfNode, nodeIdsOf } from './edge-of.ts';

const load = { namespace: 'clients', pod_name: 'load-1', workloads: [{ name: 'load', kind: 'Deployment' }] };
const web = { namespace: 'shop', pod_name: 'web-1', workloads: [{ name: 'web', kind: 'Deployment' }] };
const request = {
  source: load,
  destination: web,
  l4: { TCP: { source_port: 40_000, destination_port: 8080 } },
  IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 'IPv4' },
} as HubbleFlow;
const reply = {
  ...request,
  source: web,
  destination: load,
  l4: { TCP: { source_port: 8080, destination_port: 40_000 } },
  is_reply: true,
} as HubbleFlow;
const edge = {
  source: 'clients/Deployment/load',
  target: 'shop/Deployment/web',
  protocol: 'TCP',
  port: 8080,
} as MapEdge;

describe('flows of an edge', () => {
  it('are its requests and their replies', () => {
    expect(isOfEdge(request, edge, 'workload')).toBe(true);
    expect(isOfEdge(reply, edge, 'workload')).toBe(true);
  });

  it('are not those of another port, protocol or direction', () => {
    expect(isOfEdge(request, { ...edge, port: 80 }, 'workload')).toBe(false);
    expect(isOfEdge(request, { ...edge, protocol: 'UDP' }, 'workload')).toBe(false);
    expect(isOfEdge({ ...reply, is_reply: false }, edge, 'workload')).toBe(false);
  });

  it('are known by the id of the edge', () => {
    expect(edgeOfId('clients/Deployment/load>world/fd42::c:TCP/80')).toEqual({
      source: 'clients/Deployment/load',
      target: 'world/fd42::c',
      protocol: 'TCP',
      port: 80,
    });
    expect(edgeOfId('shop/Deployment/web')).toBeNull();
  });

  it('are known at each level', () => {
    expect(nodeIdsOf(request, 'source', 'pod')).toEqual(['clients/Pod/load-1']);
    expect(nodeIdsOf(request, 'source', 'namespace')).toEqual(['clients/Namespace/clients']);
    expect(isOfNode(reply, 'shop/Service/web', 'service')).toBe(true);
  });

  it('end at a service without pods, at the node, or in the world', () => {
    const to = (destination: HubbleFlow['destination'], more: Partial<HubbleFlow> = {}) =>
      nodeIdsOf({ ...request, destination, node_name: 'demo', ...more }, 'destination', 'workload');
    expect(to({}, { destination_service: { namespace: 'shop', name: 'legacy' } })).toEqual(['shop/Service/legacy']);
    expect(to({ labels: ['reserved:host'] })).toEqual(['host/demo']);
    expect(to({ labels: ['reserved:world'] })).toEqual(['world/10.0.0.2']);
  });
});
