/**
 * The devices that lead from the node to the world: what pods that speak with it are seen as. Read from the
 * node's network namespace, so that the datapath follows when their addresses change.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Failure, sentence } from '../base/failure.ts';
import { withNetns } from '../kernel/netns.ts';

export interface UplinkDevice {
  ifindex: number;
  /** Addresses under which pods speak with the world, '' for none of the family. */
  v4: string;
  v6: string;
}

export interface PortRange {
  first: number;
  count: number;
}

/** Kubernetes' default `--service-node-port-range`. */
const NODE_PORTS = [30_000, 32_767] as const;
const FIRST_UNPRIVILEGED = 1024;
const LAST_PORT = 65_535;

const shape = z.array(
  z.object({
    ifindex: z.number().int().positive(),
    addr_info: z.array(z.object({ family: z.string(), local: z.string(), scope: z.string() })),
  }),
);

/**
 * The devices of these names in the namespace at `netns` (undefined: this process's own), with their first
 * global address of each family. @throws Failure if one is not there.
 */
export function readUplinks(names: readonly string[], netns: string | undefined): UplinkDevice[] {
  return names.map((name) => {
    const [device] = shape.parse(JSON.parse(inside(netns, () => showAddresses(name))));
    if (device === undefined) throw new Failure(`The uplink ${name} is not there.`);
    const first = (family: string): string =>
      device.addr_info.find((it) => it.family === family && it.scope === 'global')?.local ?? '';
    return { ifindex: device.ifindex, v4: first('inet'), v6: first('inet6') };
  });
}

/** The ports for masquerading on this node; see `masqueradePorts`. */
export function readMasqueradePorts(netns: string | undefined): PortRange {
  const text = inside(netns, () => readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'));
  const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
  return masqueradePorts(first, last);
}

/**
 * The widest range of unprivileged ports that holds neither the ports the host gives its own sockets
 * (`first` to `last`, ip_local_port_range) nor node ports: an answer to a masqueraded connection is never one
 * to the host.
 */
export function masqueradePorts(first: number, last: number): PortRange {
  const taken = [[first, last] as const, NODE_PORTS].toSorted(([a], [b]) => a - b);
  let best: PortRange = { first: FIRST_UNPRIVILEGED, count: 0 };
  let from = FIRST_UNPRIVILEGED;
  for (const [low, high] of [...taken, [LAST_PORT + 1, LAST_PORT + 1] as const]) {
    if (low - from > best.count) best = { first: from, count: low - from };
    from = Math.max(from, high + 1);
  }
  return best;
}

function showAddresses(name: string): string {
  try {
    return execFileSync('ip', ['-json', 'address', 'show', 'dev', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Failure(`The uplink ${name} cannot be read: ${sentence(error)}. Name a device that exists.`);
  }
}

function inside<T>(netns: string | undefined, block: () => T): T {
  return netns === undefined ? block() : withNetns(netns, block);
}
