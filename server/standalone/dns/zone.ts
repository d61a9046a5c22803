/** The names of a cluster and their addresses, as `up` writes them and the DNS server reads them. */
import { isIPv4 } from 'node:net';
import type { ClusterState, Service } from '../../cluster/model.ts';

export const CLUSTER_DOMAIN = 'cluster.local';

export interface Zone {
  /** Full name in lower case without the last dot -> addresses of both families. */
  names: Record<string, string[]>;
}

/** Names of all services: cluster IPs, or the addresses of ready pods for a headless one. */
export function zoneOf(state: ClusterState): Zone {
  const names: Zone['names'] = {};
  for (const service of state.services) {
    const name = `${service.name}.${service.namespace}.svc.${CLUSTER_DOMAIN}`;
    names[name] = service.clusterIPs.length > 0 ? service.clusterIPs : readyAddresses(state, service);
  }
  return { names };
}

/** Addresses of one family under a name; undefined if neither it nor a name below it exists. */
export function lookUp(zone: Zone, name: string, family: 4 | 6 | null): string[] | undefined {
  const addresses = zone.names[name];
  if (addresses !== undefined) return addresses.filter((it) => family !== null && isIPv4(it) === (family === 4));
  return Object.keys(zone.names).some((it) => it.endsWith(`.${name}`)) ? [] : undefined;
}

function readyAddresses(state: ClusterState, service: Service): string[] {
  const slices = state.endpointSlices.filter(
    (it) => it.namespace === service.namespace && it.serviceName === service.name,
  );
  const ready = slices.flatMap((it) => it.endpoints.filter((endpoint) => endpoint.conditions.ready));
  return [...new Set(ready.flatMap((it) => it.addresses))];
}
