/** Which flows belong to the edge or node that is selected on the map. */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowRow } from '../../../server/wire/live.ts';
import type { MapEdge, MapGroup } from '../../../server/wire/service-map.ts';
import { type End, isHidden, portOf, protocolOf, serviceOf } from '../words/ends.ts';

/** Ids of the map nodes that an end may stand for; more than one where the flow leaves it open. */
export function nodeIdsOf(flow: HubbleFlow, end: End, group: MapGroup): string[] {
  if (isHidden(flow, end)) return ['hidden'];
  const { namespace = '', pod_name: pod, workloads, labels } = flow[end];
  const service = serviceOf(flow, end);
  if (pod === undefined) {
    if (service !== undefined) return [`${service.namespace}/Service/${service.name}`];
    return labels?.includes('reserved:host') === true ? [`host/${flow.node_name}`] : [`world/${flow.IP?.[end] ?? ''}`];
  }
  if (group === 'namespace') return [`${namespace}/Namespace/${namespace}`];
  const [workload] = workloads ?? [];
  const own =
    group === 'pod' || workload === undefined
      ? `${namespace}/Pod/${pod}`
      : `${namespace}/${workload.kind}/${workload.name}`;
  if (group !== 'service') return [own];
  return [own, `${namespace}/Service/${service?.name ?? workload?.name ?? pod}`];
}

/** What an edge is, without its figures. */
export type EdgeEnds = Pick<MapEdge, 'source' | 'target' | 'protocol' | 'port'>;

/** Reads an edge's id; null if it is the id of something else. */
export function edgeOfId(id: string): EdgeEnds | null {
  const [, source, target, protocol, port] = /^([^>]+)>(.+):(\w+)\/(\d{1,5})$/.exec(id) ?? [];
  if (source === undefined || target === undefined || protocol === undefined) return null;
  return { source, target, protocol, port: Number(port) };
}

/** Whether the flow, or the reply to it, is traffic of the edge. */
export function isOfEdge(flow: HubbleFlow, edge: EdgeEnds, group: MapGroup): boolean {
  const [client, server]: [End, End] = flow.is_reply === true ? ['destination', 'source'] : ['source', 'destination'];
  return (
    protocolOf(flow) === edge.protocol &&
    (portOf(flow, server) ?? 0) === edge.port &&
    nodeIdsOf(flow, client, group).includes(edge.source) &&
    nodeIdsOf(flow, server, group).includes(edge.target)
  );
}

export function isOfNode(flow: HubbleFlow, nodeId: string, group: MapGroup): boolean {
  return nodeIdsOf(flow, 'source', group).includes(nodeId) || nodeIdsOf(flow, 'destination', group).includes(nodeId);
}

/** The test for flows of what is selected on the map, given by its id. */
export function markerOf(selected: string | null, group: MapGroup): (row: FlowRow) => boolean {
  if (selected === null) return () => false;
  const edge = edgeOfId(selected);
  if (edge !== null) return (row) => isOfEdge(row.flow, edge, group);
  return (row) => isOfNode(row.flow, selected, group);
}
