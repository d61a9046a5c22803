import { describe, expect, it } from 'vitest';
import { curlCommand, observeCommand } from './commands.ts';
import { edgeFilter, nodeFilter } from './edge-filter.ts';
import type { MapEdge, MapNode } from '../../../server/wire/service-map.ts';

const node = (kind: MapNode['kind'], namespace: string, name: string): MapNode => ({
  id: `${namespace}/${kind}/${name}`,
  kind,
  namespace,
  name,
  pods: 1,
  addresses: [],
});

describe('edge filter', () => {
  it('names both ends, port and protocol', () => {
    const edge = { protocol: 'TCP', port: 80 } as MapEdge;
    expect(edgeFilter(edge, node('Deployment', 'clients', 'load'), node('Service', 'shop', 'legacy'))).toEqual({
      'from-namespace': ['clients'],
      'from-workload': ['Deployment/load'],
      'to-service': ['shop/legacy'],
      'to-port': ['80'],
      protocol: ['tcp'],
    });
  });

  it('asks for an address, or for the world as a whole', () => {
    expect(nodeFilter(node('World', '', '198.51.100.7'), 'to-')).toEqual({ 'to-ip': ['198.51.100.7'] });
    expect(nodeFilter(node('World', '', 'world'))).toEqual({ identity: ['world'] });
  });
});

describe('commands', () => {
  it('writes flags of hubble observe', () => {
    expect(observeCommand({ 'from-pod': ['shop/web'], 'not.port': ['53'] })).toBe(
      'hubble observe --server localhost:4245 --from-pod shop/web --not --port 53 --follow',
    );
  });

  it('writes what the command calls differently in its words', () => {
    expect(observeCommand({ 'http-status': ['5xx', '404'] })).toContain("--http-status '5+' --http-status 404");
  });

  it('quotes for the shell', () => {
    expect(curlCommand({ workload: ["a'b"] }, 'http://localhost:12000')).toBe(
      "curl 'http://localhost:12000/api/v1/flows?workload=a%27b&last=100'",
    );
  });
});
