/** Small maps for the tests of this folder. */
import type { MapEdge, MapNode, ServiceMap } from '../../../../server/wire/service-map.ts';

export function node(id: string, namespace = 'shop', kind: MapNode['kind'] = 'Deployment'): MapNode {
  return { id, kind, namespace, name: id, pods: 1, addresses: [] };
}

/** 10 packets/s from `source` to port 80 of `target`, answered. */
export function edge(source: string, target: string, change: Partial<MapEdge> = {}): MapEdge {
  const port = change.port ?? 80;
  return {
    id: `${source}>${target}:TCP/${port}`,
    source,
    target,
    protocol: 'TCP',
    port,
    service: null,
    verdicts: { FORWARDED: 10 },
    drop_reasons: {},
    packets: 10,
    bytes: 1000,
    reply_packets: 8,
    reply_bytes: 800,
    connections: 2,
    answered: 2,
    connection_rate: 1,
    packet_rate: 10,
    byte_rate: 1000,
    drop_rate: 0,
    rtt: null,
    l7: null,
    ...change,
  };
}

/** What turns an edge into one whose every packet was dropped, 2 a second. */
export function dropped(reason = 'POLICY_DENIED'): Partial<MapEdge> {
  return {
    verdicts: { DROPPED: 5 },
    drop_reasons: { [reason]: 5 },
    drop_rate: 2,
    packets: 0,
    reply_packets: 0,
    packet_rate: 0,
    connections: 0,
    answered: 0,
  };
}

export function map(nodes: MapNode[], edges: MapEdge[]): ServiceMap {
  return { window: { since: '', until: '', exact: true }, group: 'workload', nodes, edges };
}
