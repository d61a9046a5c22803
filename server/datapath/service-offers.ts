/** Which services are offered at which addresses of this node; an address and port belongs to one service only. */
import type { ClusterState, Service } from '../cluster/model.ts';
import { type FrontendPlan, frontendsOf, poolName, serviceName } from './service-frontends.ts';

/** Where a service is offered: what `frontendsOf` says, kept for as long as the service is the same object. */
export interface Offer {
  service: Service;
  nodeAddresses: string;
  plans: FrontendPlan[];
  /** Packed keys of the plans, as hex. */
  keys: string[];
  problems: string[];
}

/** Who a service key in pinned maps belongs to now: names by packed key, as hex. */
export function frontendNames(
  state: ClusterState,
  nodeName: string,
): Map<string, { service: string; inside: string; outside: string | null }> {
  const names = new Map<string, { service: string; inside: string; outside: string | null }>();
  for (const [service, plans] of offeredServices(state, nodeName, [], new Map())) {
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
export function offeredServices(
  state: ClusterState,
  nodeName: string,
  problems: string[],
  offers: Map<string, Offer>,
): [Service, FrontendPlan[]][] {
  const nodeAddresses = state.nodes.find((it) => it.name === nodeName)?.addresses ?? [];
  const owners = new Map<string, string>();
  const offered: [Service, FrontendPlan[]][] = [];
  for (const service of state.services) {
    if (service.clusterIPs.length === 0) continue;
    const name = serviceName(service);
    const offer = offerOf(service, nodeAddresses, offers);
    problems.push(...offer.problems);
    const plans = offer.plans.filter(({ port }, i) => {
      const key = offer.keys[i] ?? '';
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, name);
      // A service that names an address twice is no conflict.
      else if (owner !== name) {
        problems.push(
          `service ${name} wants an address for its port ${port.port}, which service ${owner} has already; it is left out`,
        );
      }
      return owner === undefined;
    });
    offered.push([service, plans]);
  }
  return offered;
}

function offerOf(service: Service, addresses: readonly string[], offers: Map<string, Offer>): Offer {
  const name = serviceName(service);
  const nodeAddresses = addresses.join();
  const known = offers.get(name);
  if (known?.service === service && known.nodeAddresses === nodeAddresses) return known;
  const problems: string[] = [];
  const plans = frontendsOf(service, addresses, problems);
  const offer = { service, nodeAddresses, plans, keys: plans.map((it) => it.key.toString('hex')), problems };
  offers.set(name, offer);
  return offer;
}
