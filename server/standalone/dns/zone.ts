/** The names of a cluster and their addresses, as `up` writes them and the DNS server reads them. */
import { isIPv4 } from 'node:net';
import type { ClusterState, Service } from '../../cluster/model.ts';

export const CLUSTER_DOMAIN = 'cluster.local';

export interface Zone {
  /** Full name in lower case without the last dot -> addresses of both families. */
  names: Record<string, string[]>;
  /** Name of a service of type ExternalName, as above -> the name it stands for. */
  aliases: Record<string, string>;
}

/** Names of all services: cluster IPs, or the addresses of ready endpoints for a headless one. */
export function zoneOf(state: ClusterState): Zone {
  const names: Zone['names'] = {};
  const aliases: Zone['aliases'] = {};
  for (const service of state.services) {
    const name = `${service.name}.${service.namespace}.svc.${CLUSTER_DOMAIN}`;
    if (service.externalName === '') names[name] = addressesOf(state, service);
    else aliases[name] = service.externalName.replace(/\.$/, '');
  }
  return { names, aliases };
}

/** Addresses of one family under a name; undefined if neither it nor a name below it exists. */
export function lookUp(zone: Zone, name: string, family: 4 | 6 | null): string[] | undefined {
  const addresses = zone.names[name];
  if (addresses !== undefined) return addresses.filter((it) => family !== null && isIPv4(it) === (family === 4));
  const all = [...Object.keys(zone.names), ...Object.keys(zone.aliases)];
  return all.some((it) => it.endsWith(`.${name}`)) ? [] : undefined;
}

function addressesOf(state: ClusterState, service: Service): string[] {
  if (service.clusterIPs.length > 0) return service.clusterIPs;
  const slices = state.endpointSlices.filter(
    (it) => it.namespace === service.namespace && it.serviceName === service.name,
  );
  const ready = slices.flatMap((it) => it.endpoints.filter((endpoint) => endpoint.conditions.ready));
  return [...new Set(ready.flatMap((it) => it.addresses))];
}
