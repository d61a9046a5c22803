/**
 * Services and endpoint slices -> what the maps should hold of them. A frontend is one address and port of a
 * service; it leads to a pool of backends for the inside and one for the outside, which may be the same. A
 * backend belongs to one pool and is in the map exactly while connections may use it.
 */
import type { ClusterState, EndpointSlice, Service } from '../cluster/model.ts';
import { NOT_HERE, SERVICE } from '../kernel/layouts.gen.ts';
import type { ServiceEntry } from '../wire/agent.ts';
import { packStruct } from '../wire/struct.ts';
import type { Allocators } from './desired.ts';
import { type FrontendPlan, poolName, type Scope, serviceName } from './service-frontends.ts';
import { type Offer, offeredServices } from './service-offers.ts';
import { backendsOf, type Pool, type Target, targetsOf } from './service-pools.ts';

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

/** A service as it was planned last, with what that was made from. */
interface Planned {
  plans: FrontendPlan[];
  slices: readonly EndpointSlice[];
  nodeName: string;
  desired: DesiredService;
  pools: Set<string>;
  backends: Set<string>;
}

/**
 * What the last pass made of each service. A cluster of 10,000 of them changes one by one: what is made of
 * the same objects is the same object again, by which the reconciler knows that there is nothing to do.
 */
export class ServiceMemory {
  readonly offers = new Map<string, Offer>();
  readonly planned = new Map<string, Planned>();
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
  const used = { services: new Set<string>(), pools: new Set<string>(), backends: new Set<string>() };
  const { offers, planned } = ids.memory;
  for (const [service, plans] of offeredServices(state, nodeName, problems, offers)) {
    const name = serviceName(service);
    const own = slices.get(name) ?? [];
    const id = ids.services.get(name);
    let now = planned.get(name);
    if (now === undefined || !sameItems(now.plans, plans) || !sameItems(now.slices, own) || now.nodeName !== nodeName) {
      now = planService(service, id, { plans, slices: own, nodeName }, ids);
      planned.set(name, now);
    }
    used.services.add(name);
    for (const pool of now.pools) used.pools.add(pool);
    for (const backend of now.backends) used.backends.add(backend);
    byService.set(id, now.desired);
    entries.push(entryOf(service, id, own, refs));
  }
  for (const map of [offers, planned]) for (const name of map.keys()) if (!used.services.has(name)) map.delete(name);
  ids.services.retain(used.services);
  ids.pools.retain(used.pools);
  ids.backends.retain(used.backends);
  ids.tables.retain(used.pools);
  return { byService, entries };
}

function planService(
  service: Service,
  id: number,
  from: Pick<Planned, 'plans' | 'slices' | 'nodeName'>,
  ids: Allocators,
): Planned {
  const pools = new Map<string, Pool>();
  const backends = new Set<string>();
  const poolFor = (plan: FrontendPlan, scope: Scope): Pool => {
    const key = poolName(service, plan, scope);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const number = ids.pools.get(key);
    const targets = targetsOf(from.slices, plan, scope, from.nodeName);
    const made = backendsOf(number, targets, ids.backends, backends);
    const pool = {
      id: number,
      isElsewhere:
        scope === 'Local' &&
        made.chosen.size === 0 &&
        hasChosen(targetsOf(from.slices, plan, 'Cluster', from.nodeName)),
      backends: made.backends,
      table: ids.tables.get(key, made.chosen),
    };
    pools.set(key, pool);
    return pool;
  };
  const frontends = from.plans.map((plan): Frontend => ({
    key: plan.key,
    value: frontendValue(service, id, plan, poolFor),
  }));
  return { ...from, desired: { frontends, pools: [...pools.values()] }, pools: new Set(pools.keys()), backends };
}

/** Whether both lists have the very same objects. */
function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((it, i) => it === b[i]);
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
    inside_only: onlyOf(inside),
    outside_pool: outside?.id ?? 0,
    outside_table: outside?.table.size ?? 0,
    outside_only: outside === undefined ? 0 : onlyOf(outside),
  });
}

const onlyOf = (pool: Pool): number => (pool.isElsewhere ? NOT_HERE : pool.table.only);

const hasChosen = (targets: ReadonlyMap<string, Target>): boolean => [...targets.values()].some((it) => it.isChosen);

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
