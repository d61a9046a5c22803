/**
 * The node's own network namespace: it forwards between its pods and has no way out. What is addressed to
 * a pod address nobody has ends here, instead of wandering through the default route.
 */
import { isIPv4 } from 'node:net';
import { sysctlScript } from '../cni/pod-network.ts';
import { run } from '../cni/run.ts';
import type { CniNode } from '../cni/pod-network.ts';

const NODE_SYSCTLS = {
  'ipv4/ip_forward': '1',
  'ipv6/conf/all/forwarding': '1',
  'ipv6/conf/default/forwarding': '1',
  // Pods send from addresses that are routed one by one; the datapath checks sources itself.
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
  'ipv4/conf/default/send_redirects': '0',
  'ipv4/conf/all/send_redirects': '0',
  // Neighbours and addresses are given, never discovered.
  'ipv6/conf/default/addr_gen_mode': '1',
  'ipv6/conf/default/accept_dad': '0',
};

/** Creates the namespace. It must not exist. Throws a Failure with iproute2's words. */
export async function createNodeNetwork(node: CniNode): Promise<void> {
  await run('ip', ['netns', 'add', node.netns]);
  await run('nsenter', [`--net=/run/netns/${node.netns}`, 'sh', '-ec', sysctlScript(NODE_SYSCTLS)]);
  const addresses = node.addresses.map((it) => `address add ${it}${isIPv4(it) ? '/32' : '/128 nodad'} dev lo`);
  const blackholes = node.podCIDRs.map((it) => `route add blackhole ${it}`);
  await run('ip', ['-n', node.netns, '-batch', '-'], `${['link set lo up', ...addresses, ...blackholes].join('\n')}\n`);
}
