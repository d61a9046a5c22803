/** Which nodes are worth folding: those whose many edges say nothing about who works with whom. */
import type { ServiceMap } from '../../../server/wire/service-map.ts';

const DNS_PORT = 53;
/** A name server with fewer clients hides nothing. */
const LEAST_CLIENTS = 3;

/** Ids of nodes that answer DNS for several others. */
export function busyDnsServers(map: ServiceMap): string[] {
  const clients = new Map<string, Set<string>>();
  for (const { source, target, port } of map.edges) {
    if (port === DNS_PORT) clients.set(target, (clients.get(target) ?? new Set()).add(source));
  }
  return [...clients].filter(([, sources]) => sources.size >= LEAST_CLIENTS).map(([id]) => id);
}

/** Ids of hosts that reach for many workloads: kubelets with their probes. */
function busyProbers(map: ServiceMap): string[] {
  const hosts = map.nodes.filter((it) => it.kind === 'Host').map((it) => it.id);
  return hosts.filter(
    (id) => new Set(map.edges.filter((it) => it.source === id).map((it) => it.target)).size >= LEAST_CLIENTS,
  );
}

/** What is folded until somebody unfolds it: the noise every cluster has. Drops are drawn all the same. */
export function quietFolds(map: ServiceMap): string[] {
  return [...busyDnsServers(map), ...busyProbers(map)];
}

/** Edges that begin or end at a node. */
export function edgesOf(map: ServiceMap, nodeId: string): number {
  return map.edges.filter((edge) => edge.source === nodeId || edge.target === nodeId).length;
}
