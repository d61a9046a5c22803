/**
 * Services and endpoint slices -> frontends with their backends. A frontend is one address and port of a
 * service; a backend belongs to one frontend and is in the map exactly while connections may use it.
 */
import type { ClusterState, EndpointSlice, Service, ServicePort } from '../cluster/model.ts';
import { parseAddress } from '../wire/address.ts';
import { BACKEND, SERVICE_KEY } from '../kernel/layouts.gen.ts';
import { packStruct } from '../wire/struct.ts';
import type { ServiceEntry } from '../wire/agent.ts';
import type { Allocators } from './desired.ts';

const IP_PROTOCOL = { TCP: 6, UDP: 17 } as const;

export interface Backend {
  id: number;
  /** struct backend, packed. */
  value: Buffer;
}

export interface Frontend {
  id: number;
  service: number;
  /** struct service_key, packed. */
  key: Buffer;
  /** In slot order. */
  backends: Backend[];
}

/** A port number as two bytes in network order, read as the machine's number: what `*_be` fields hold. */
export function networkOrder(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

export function desiredServices(
  state: ClusterState,
  ids: Allocators,
  refs: ReadonlyMap<string, number>,
): { byService: Map<number, Frontend[]>; entries: ServiceEntry[] } {
  const slices = slicesByService(state.endpointSlices);
  const byService = new Map<number, Frontend[]>();
  const entries: ServiceEntry[] = [];
  const used = { services: new Set<string>(), frontends: new Set<string>(), backends: new Set<string>() };
  for (const service of state.services) {
    if (service.clusterIPs.length === 0) continue;
    const own = slices.get(`${service.namespace}/${service.name}`) ?? [];
    const key = `${service.namespace}/${service.name}`;
    used.services.add(key);
    const id = ids.services.get(key);
    byService.set(id, frontendsOf(service, id, own, ids, used));
    entries.push(entryOf(service, id, own, refs));
  }
  ids.services.retain(used.services);
  ids.frontends.retain(used.frontends);
  ids.backends.retain(used.backends);
  return { byService, entries };
}

function slicesByService(all: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of all) {
    const key = `${slice.namespace}/${slice.serviceName}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

function frontendsOf(
  service: Service,
  id: number,
  slices: readonly EndpointSlice[],
  ids: Allocators,
  used: { frontends: Set<string>; backends: Set<string> },
): Frontend[] {
  const frontends: Frontend[] = [];
  for (const text of service.clusterIPs) {
    const address = parseAddress(text);
    if (address === null) continue;
    const family = text.includes(':') ? 'IPv6' : 'IPv4';
    for (const port of service.ports) {
      if (port.protocol === 'SCTP') continue;
      const protocol = IP_PROTOCOL[port.protocol];
      const key = packStruct(SERVICE_KEY, { address, port_be: networkOrder(port.port), protocol });
      const name = key.toString('hex');
      used.frontends.add(name);
      const frontend = ids.frontends.get(name);
      const backends = targetsOf(slices, family, port).map((target) => {
        const value = packStruct(BACKEND, {
          address: target.address,
          port_be: networkOrder(target.port),
          frontend,
        });
        const backendName = value.toString('hex');
        used.backends.add(backendName);
        return { id: ids.backends.get(backendName), value };
      });
      frontends.push({ id: frontend, service: id, key, backends });
    }
  }
  return frontends;
}

interface Target {
  address: Uint8Array;
  port: number;
}

/** Ready endpoints of a port; if there are none, those that still serve while they terminate. */
function targetsOf(slices: readonly EndpointSlice[], family: 'IPv4' | 'IPv6', port: ServicePort): Target[] {
  const ready: Target[] = [];
  const serving: Target[] = [];
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const target = slice.ports.find((it) => it.name === port.name && it.protocol === port.protocol);
    if (target === undefined) continue;
    for (const endpoint of slice.endpoints) {
      const { conditions } = endpoint;
      const list = conditions.ready ? ready : conditions.serving && conditions.terminating ? serving : undefined;
      const address = parseAddress(endpoint.addresses[0] ?? '');
      if (list !== undefined && address !== null) list.push({ address, port: target.port });
    }
  }
  return ready.length > 0 ? ready : serving;
}

function entryOf(
  service: Service,
  id: number,
  slices: readonly EndpointSlice[],
  refs: ReadonlyMap<string, number>,
): ServiceEntry {
  const backends = new Set<number>();
  for (const slice of slices) {
    for (const endpoint of slice.endpoints) {
      const ref = refs.get(endpoint.targetRef);
      if (ref !== undefined && endpoint.conditions.ready) backends.add(ref);
    }
  }
  return {
    id,
    namespace: service.namespace,
    name: service.name,
    addresses: service.clusterIPs,
    ports: service.ports.map((it) => ({
      name: it.name,
      port: it.port,
      protocol: it.protocol,
      app_protocol: it.appProtocol,
    })),
    backends: [...backends].toSorted((a, b) => a - b),
  };
}
