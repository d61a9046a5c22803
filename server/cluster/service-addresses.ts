/**
 * ClusterIPs. A service without a fixed address gets one from its name's hash, so it keeps its address
 * over restarts and whatever other services come and go.
 */
import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { Failure } from '../base/failure.ts';
import { addressAt, indexIn, parseCidr } from './cidr.ts';
import type { ServicePlan } from './plan.ts';

export const SERVICE_CIDRS = { IPv4: parseCidr('10.96.0.0/16'), IPv6: parseCidr('fd96::/112') } as const;

/** The first addresses of each range are only given to services that ask for them (kube-dns: number 10). */
const RESERVED = 256n;

/** Key of a service in the maps of this file. */
export const serviceKey = (service: { namespace: string; name: string }): string =>
  `${service.namespace}/${service.name}`;

/**
 * Addresses of every service, by serviceKey, primary family first; headless services and mere names have none.
 * `former` addresses are kept. Throws a Failure if a fixed address is out of range or wanted twice.
 */
export function clusterIPs(services: ServicePlan[], former: ReadonlyMap<string, string[]>): Map<string, string[]> {
  const owners = new Map<string, ServicePlan>();
  for (const service of services) {
    for (const address of service.fixedIPs) fix(service, address, owners);
  }
  const result = new Map<string, string[]>();
  for (const service of services) {
    const key = serviceKey(service);
    const addresses = service.headless
      ? []
      : service.families.map((family) => {
          const fixed = service.fixedIPs.find((ip) => isIPv4(ip) === (family === 'IPv4'));
          if (fixed !== undefined) return fixed;
          const before = former.get(key)?.find((ip) => isIPv4(ip) === (family === 'IPv4'));
          const address = before !== undefined && !owners.has(before) ? before : free(key, family, owners);
          owners.set(address, service);
          return address;
        });
    result.set(key, addresses);
  }
  return result;
}

function fix(service: ServicePlan, address: string, owners: Map<string, ServicePlan>): void {
  const family = isIPv4(address) ? 'IPv4' : 'IPv6';
  const cidr = SERVICE_CIDRS[family];
  if (indexIn(cidr, address) < 1n) {
    throw new Failure(`${service.where}: cluster IP ${address} is not in the service range ${cidr.text}`);
  }
  const owner = owners.get(address);
  if (owner !== undefined) {
    throw new Failure(`${service.where}: cluster IP ${address} belongs to service ${serviceKey(owner)} already`);
  }
  owners.set(address, service);
}

function free(key: string, family: 'IPv4' | 'IPv6', owners: Map<string, ServicePlan>): string {
  const cidr = SERVICE_CIDRS[family];
  const room = cidr.size - RESERVED - 1n;
  const start = createHash('sha256').update(key).digest().readBigUInt64BE() % room;
  for (let step = 0n; step < room; step++) {
    const address = addressAt(cidr, RESERVED + ((start + step) % room));
    if (!owners.has(address)) return address;
  }
  throw new Failure(`no cluster IP is left for service ${key}: the range ${cidr.text} is full`);
}
