/**
 * Pods whose single addresses count: an egress rule may allow a block with a port name, and a name means
 * something only for the pods in the block that have it. An identity may have pods in and out of the block.
 */
import { addressNumber, contains } from '../cluster/address-block.ts';
import type { Pod } from '../cluster/model.ts';
import type { IdentityTable } from './identity-table.ts';
import type { Workload } from './identity.ts';
import type { BlockPeer, PreparedPolicy } from './prepared-policy.ts';

export function addressInBlock(address: bigint, { block, except }: BlockPeer): boolean {
  return contains(block, address) && block.family === familyOf(address) && !except.some((it) => contains(it, address));
}

/** Addresses of pods that some rule allows by block and port name. */
export function policyHosts(
  policies: Iterable<PreparedPolicy>,
  pods: readonly Pod[],
  identities: IdentityTable,
): Map<bigint, Workload> {
  const hosts = new Map<bigint, Workload>();
  for (const { rules } of policies) {
    for (const rule of rules.egress ?? []) {
      const blocks = rule.peers.filter((it) => it.kind === 'block');
      if (blocks.length === 0 || rule.names.length === 0) continue;
      for (const pod of pods) {
        const workload = identities.of(pod);
        if (workload === undefined) continue;
        const has = rule.names.some(({ name, protocol }) =>
          workload.ports.some((it) => it.name === name && it.protocol === protocol),
        );
        if (!has) continue;
        for (const text of pod.podIPs) {
          const address = addressNumber(text);
          if (address !== null && blocks.some((it) => addressInBlock(address, it))) hosts.set(address, workload);
        }
      }
    }
  }
  return hosts;
}

function familyOf(address: bigint): 4 | 6 {
  return address >> 32n === 0xffffn ? 4 : 6;
}
