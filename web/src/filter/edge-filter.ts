/** The filter that selects what one edge or node of the map stands for. */
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapEdge, MapNode } from '../../../server/wire/service-map.ts';

type Side = '' | 'from-' | 'to-';

export function edgeFilter(edge: MapEdge, source: MapNode | undefined, target: MapNode | undefined): FlowFilter {
  const protocol = edge.protocol.toLowerCase();
  return {
    ...(source && nodeFilter(source, 'from-')),
    ...(target && nodeFilter(target, 'to-')),
    ...(edge.port !== 0 && { 'to-port': [String(edge.port)] }),
    protocol: [protocol],
  };
}

/** Flows with the node at the named side, or at either. */
export function nodeFilter(node: MapNode, side: Side = ''): FlowFilter {
  const { namespace, name, kind } = node;
  switch (kind) {
    case 'Namespace':
      return { [`${side}namespace`]: [name] };
    case 'Service':
      // Only the server's end of a flow belongs to a service; as a client its pods are known by their name.
      if (side === 'from-') return { 'from-pod': [`${namespace}/${name}`] };
      return { [`${side}service`]: [`${namespace}/${name}`] };
    case 'Pod':
      return { [`${side}pod`]: [`${namespace}/${name}`] };
    case 'World':
      // Only a single address can be asked for; the card of all others stands for the identity.
      return /^[\d.]+$|:/.test(name) ? { [`${side}ip`]: [name] } : { [`${side}identity`]: ['world'] };
    case 'Hidden':
      // Nothing can be asked of what is hidden: the other end has to do.
      return {};
    case 'Host':
      return { [`${side}identity`]: ['host'] };
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
      return { [`${side}namespace`]: [namespace], [`${side}workload`]: [`${kind}/${name}`] };
  }
}
