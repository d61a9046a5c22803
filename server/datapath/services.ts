/**
 * Services and endpoint slices -> what the maps should hold of them. A frontend is one address and port of a
 * service; it leads to a pool of backends for the inside and one for the outside, which may be the same. A
 * backend belongs to one pool and is in the map exactly while connections may use it.
 */
import type { ClusterState, EndpointSlice, Service } from '../cluster/model.ts';
import { SERVICE } from '../kernel/layouts.gen.ts';
import type { ServiceEntry } from '../wire/agent.ts';
import { packStruct } from '../wire/struct.ts';
import type { Allocators } from './desired.ts';
import { type FrontendPlan, frontendsOf, poolName, type Scope, serviceName } from './service-frontends.ts';
import { backendsOf, type Pool, targetsOf } from './service-pools.ts';

export interface Frontend {
  /** struct service_key, packed. */
  key: Buffer;
  /** struct service with generation 0, packed. */
  value: Buffer;
}

export interface DesiredService {
  frontends: Frontend[];
  pools: Pool[];
}

/** The cluster as one node sees it. */
export interface ServiceInput {
  state: ClusterState;
  nodeName: string;
  /** Endpoint refs of pods by uid, for the descriptions. */
  refs: ReadonlyMap<string, number>;
}

interface Used {
  services: Set<string>;
  pools: Set<string>;
  backends: Set<string>;
}

/** All services by number, and their descriptions. What is left out is noted in `problems`. */
export function desiredServices(
  { state, nodeName, refs }: ServiceInput,
  ids: Allocators,
  problems: string[],
): { byService: Map<number, DesiredService>; entries: ServiceEntry[] } {
  const slices = slicesByService(state.endpointSlices);
  const byService = new Map<number, DesiredService>();
  const entries: ServiceEntry[] = [];
  const used: Used = { services: new Set(), pools: new Set(), backends: new Set() };
  for (const [service, plans] of plannedFrontends(state, nodeName, problems)) {
    const name = serviceName(service);
    const own = slices.get(name) ?? [];
    used.services.add(name);
    const id = ids.services.get(name);
    const pools = new Map<string, Pool>();
    const poolFor = (plan: FrontendPlan, scope: Scope): Pool => {
      const key = poolName(service, plan, scope);
      const pool = pools.get(key) ?? makePool(key, targetsOf(own, plan, scope, nodeName), ids, used);
      pools.set(key, pool);
      return pool;
    };
    const frontends = plans.map((plan): Frontend => ({
      key: plan.key,
      value: frontendValue(service, id, plan, poolFor),
    }));
    byService.set(id, { frontends, pools: [...pools.values()] });
    entries.push(entryOf(service, id, own, refs));
  }
  ids.services.retain(used.services);
  ids.pools.retain(used.pools);
  ids.backends.retain(used.backends);
  ids.tables.retain(used.pools);
  return { byService, entries };
}

/** Who a service key in pinned maps belongs to now: names by packed key, as hex. */
export function frontendNames(
  state: ClusterState,
  nodeName: string,
): Map<string, { service: string; inside: string; outside: string | null }> {
  const names = new Map<string, { service: string; inside: string; outside: string | null }>();
  for (const [service, plans] of plannedFrontends(state, nodeName, [])) {
    for (const plan of plans) {
      names.set(plan.key.toString('hex'), {
        service: serviceName(service),
        inside: poolName(service, plan, plan.inside),
        outside: plan.outside === null ? null : poolName(service, plan, plan.outside),
      });
    }
  }
  return names;
}

/** Frontends of each service that is offered at an address; where two want the same, the first keeps it. */
function plannedFrontends(state: ClusterState, nodeName: string, problems: string[]): [Service, FrontendPlan[]][] {
  const nodeAddresses = state.nodes.find((it) => it.name === nodeName)?.addresses ?? [];
  const owners = new Map<string, string>();
  const planned: [Service, FrontendPlan[]][] = [];
  for (const service of state.services) {
    if (service.clusterIPs.length === 0) continue;
    const name = serviceName(service);
    const plans = frontendsOf(service, nodeAddresses, problems).filter(({ key, port }) => {
      const hex = key.toString('hex');
      const owner = owners.get(hex);
      if (owner === undefined) owners.set(hex, name);
      // A service that names an address twice is no conflict.
      else if (owner !== name) {
        problems.push(
          `service ${name} wants an address for its port ${port.port}, which service ${owner} has already; it is left out`,
        );
      }
      return owner === undefined;
    });
    planned.push([service, plans]);
  }
  return planned;
}

function makePool(key: string, targets: ReturnType<typeof targetsOf>, ids: Allocators, used: Used): Pool {
  used.pools.add(key);
  const id = ids.pools.get(key);
  const { backends, chosen } = backendsOf(id, targets, ids.backends, used.backends);
  return { id, backends, table: ids.tables.get(key, chosen) };
}

function frontendValue(
  service: Service,
  id: number,
  plan: FrontendPlan,
  poolFor: (plan: FrontendPlan, scope: Scope) => Pool,
): Buffer {
  const inside = poolFor(plan, plan.inside);
  const outside = plan.outside === null ? undefined : poolFor(plan, plan.outside);
  return packStruct(SERVICE, {
    id,
    affinity_s: service.sessionAffinityTimeoutSeconds,
    inside_pool: inside.id,
    inside_table: inside.table.size,
    inside_only: inside.table.only,
    outside_pool: outside?.id ?? 0,
    outside_table: outside?.table.size ?? 0,
    outside_only: outside?.table.only ?? 0,
  });
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
    addresses: [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs],
    ports: service.ports.map((it) => ({
      name: it.name,
      port: it.port,
      protocol: it.protocol,
      app_protocol: it.appProtocol,
    })),
    backends: [...backends].toSorted((a, b) => a - b),
  };
}
