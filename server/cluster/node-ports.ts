/**
 * Node ports, and the ports of health checks. A port that the manifest leaves open gets a number from the
 * hash of its name, so it keeps it over restarts and whatever other services come and go.
 */
import { createHash } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import type { ServicePlan } from './plan.ts';
import { serviceKey } from './service-addresses.ts';
import { NODE_PORTS } from './service-schema.ts';

const HEALTH = 'health check';

export interface NodePorts {
  /** By port name and protocol, `http/TCP`. */
  ports: Map<string, number>;
  healthCheck: number;
}

/** A wish for a number: what it is for, and the number if it is given. */
interface Wish {
  service: ServicePlan;
  /** `http/TCP`, or HEALTH. */
  name: string;
  protocol: string;
  given: number;
}

/**
 * Node ports of every service that has some, by serviceKey. `former` ones are kept. One number may serve two
 * ports of different protocols if both ask for it. Throws a Failure if a number is wanted twice or none is left.
 */
export function nodePorts(
  services: readonly ServicePlan[],
  former: ReadonlyMap<string, NodePorts>,
): Map<string, NodePorts> {
  const wishes = services.flatMap(wishesOf);
  const owners = new Map<string, ServicePlan>();
  const taken = new Set<number>();
  const result = new Map<string, NodePorts>();
  const note = (wish: Wish, number: number): void => {
    const owner = owners.get(`${number}/${wish.protocol}`);
    if (owner !== undefined) {
      const { where } = wish.service;
      throw new Failure(
        `${where}: node port ${number}/${wish.protocol} belongs to service ${serviceKey(owner)} already`,
      );
    }
    owners.set(`${number}/${wish.protocol}`, wish.service);
    taken.add(number);
    const key = serviceKey(wish.service);
    const ports = result.get(key) ?? { ports: new Map<string, number>(), healthCheck: 0 };
    if (wish.name === HEALTH) ports.healthCheck = number;
    else ports.ports.set(wish.name, number);
    result.set(key, ports);
  };
  for (const wish of wishes) if (wish.given > 0) note(wish, wish.given);
  const open = wishes.filter((it) => it.given === 0);
  const kept = (wish: Wish): number => {
    const before = former.get(serviceKey(wish.service));
    return (wish.name === HEALTH ? before?.healthCheck : before?.ports.get(wish.name)) ?? 0;
  };
  // First those who have one: a newcomer must not take it away.
  for (const wish of open) if (kept(wish) > 0 && !taken.has(kept(wish))) note(wish, kept(wish));
  for (const wish of open) {
    const ports = result.get(serviceKey(wish.service));
    const has = wish.name === HEALTH ? (ports?.healthCheck ?? 0) > 0 : ports?.ports.has(wish.name) === true;
    if (!has) note(wish, free(wish, taken));
  }
  return result;
}

function wishesOf(service: ServicePlan): Wish[] {
  const wishes = service.ports
    .filter((it) => service.wantsNodePorts || it.nodePort > 0)
    .map(({ name, protocol, nodePort }) => ({ service, name: `${name}/${protocol}`, protocol, given: nodePort }));
  if (!service.wantsHealthCheckNodePort) return wishes;
  return [...wishes, { service, name: HEALTH, protocol: 'TCP', given: service.healthCheckNodePort }];
}

function free({ service, name }: Wish, taken: ReadonlySet<number>): number {
  const room = NODE_PORTS.last - NODE_PORTS.first + 1;
  const start =
    createHash('sha256')
      .update(`${serviceKey(service)} ${name}`)
      .digest()
      .readUInt32BE() % room;
  for (let step = 0; step < room; step++) {
    const number = NODE_PORTS.first + ((start + step) % room);
    if (!taken.has(number)) return number;
  }
  throw new Failure(
    `${service.where}: no node port is left, all from ${NODE_PORTS.first} to ${NODE_PORTS.last} are taken; remove services that need none`,
  );
}
