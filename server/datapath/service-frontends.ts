/**
 * The addresses and ports at which a service is offered on this node, and whose endpoints answer there: by
 * Kubernetes' rules, its cluster IPs follow internalTrafficPolicy; node ports, external IPs and load balancer
 * IPs follow externalTrafficPolicy for traffic from outside, while pods and processes of the node that use
 * them reach the endpoints of the whole cluster.
 */
import type { Service, ServicePort, TrafficPolicy } from '../cluster/model.ts';
import { SERVICE_KEY } from '../kernel/layouts.gen.ts';
import { parseAddress } from '../wire/address.ts';
import { packStruct } from '../wire/struct.ts';

const IP_PROTOCOL = { TCP: 6, UDP: 17 } as const;

export type Family = 'IPv4' | 'IPv6';

/** Whose endpoints a pool holds: the cluster's, this node's, or nobody's where a service must not answer. */
export type Scope = TrafficPolicy | 'None';

export interface FrontendPlan {
  /** struct service_key, packed. */
  key: Buffer;
  port: ServicePort;
  family: Family;
  /** For pods and processes of this node. */
  inside: Scope;
  /** For what comes in over the uplink; null where the address is not offered there. */
  outside: Scope | null;
}

/** A port number as two bytes in network order, read as the machine's number: what `*_be` fields hold. */
export function networkOrder(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

export const serviceName = (service: { namespace: string; name: string }): string =>
  `${service.namespace}/${service.name}`;

/** Names a pool for as long as its service has that port. */
export function poolName(service: Service, { port, family }: FrontendPlan, scope: Scope): string {
  return `${serviceName(service)} ${port.name}/${port.protocol} ${family} ${scope}`;
}

/** Frontends of a service; none if it is headless or only a name. Problems are noted, one sentence each. */
export function frontendsOf(service: Service, nodeAddresses: readonly string[], problems: string[]): FrontendPlan[] {
  const plans: FrontendPlan[] = [];
  const families = new Set(service.clusterIPs.map(familyOf));
  const external = service.externalTrafficPolicy;
  for (const text of service.clusterIPs) add(text, service.internalTrafficPolicy, null);
  for (const text of service.externalIPs) add(text, 'Cluster', external);
  const restricted = service.loadBalancerSourceRanges.length > 0 && service.loadBalancerIPs.length > 0;
  if (restricted) {
    problems.push(
      `service ${serviceName(service)} has loadBalancerSourceRanges, which are not supported; its load balancer IPs refuse all traffic from outside`,
    );
  }
  for (const text of service.loadBalancerIPs) add(text, 'Cluster', restricted ? 'None' : external);
  if (service.ports.some((it) => it.nodePort > 0)) {
    for (const text of nodeAddresses) add(text, 'Cluster', external, (port) => port.nodePort);
  }
  return plans;

  function add(
    text: string,
    inside: Scope,
    outside: Scope | null,
    numberOf = (port: ServicePort): number => port.port,
  ): void {
    const family = familyOf(text);
    // An address of a family that the service does not have leads nowhere; a node has addresses of both.
    if (!families.has(family)) return;
    const address = parseAddress(text);
    if (address === null) {
      problems.push(`service ${serviceName(service)} has the address "${text}", which is none; it is left out`);
      return;
    }
    for (const port of service.ports) {
      const number = numberOf(port);
      if (port.protocol === 'SCTP' || number === 0) continue;
      const protocol = IP_PROTOCOL[port.protocol];
      const key = packStruct(SERVICE_KEY, { address, port_be: networkOrder(number), protocol });
      plans.push({ key, port, family, inside, outside });
    }
  }
}

const familyOf = (text: string): Family => (text.includes(':') ? 'IPv6' : 'IPv4');
