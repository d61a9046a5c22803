/**
 * The CNI verbs: `addPod` wires a pod to the node, `deletePod` undoes it. A pod has a network namespace
 * with one end of a veth pair, /32 and /128 addresses, and a gateway that exists only as a permanent
 * neighbour entry, so nothing ever asks ARP or neighbour discovery. The node has a route and a
 * neighbour entry for each pod, for what its own stack sends.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { Failure, sentence } from '../base/failure.ts';
import type { Attachment } from '../cluster/attachment.ts';
import { attachmentFolder, readAttachment, removeAttachment, writeAttachment } from './attachments.ts';
import { allocate, release } from './ipam.ts';
import { run } from './run.ts';

const MTU = 1500;
const GATEWAYS = { v4: '169.254.1.1', v6: 'fe80::1' };

/** Written below /proc/sys/net in the pod's namespace before its interface exists. */
const POD_SYSCTLS = {
  // What container runtimes set: ports below 1024 and ICMP echo sockets need no privilege.
  'ipv4/ip_unprivileged_port_start': '0',
  'ipv4/ping_group_range': '0 2147483647',
  // Addresses and routes are given; nothing is to be discovered, so nothing but the pod's traffic is sent.
  'ipv6/conf/default/addr_gen_mode': '1',
  'ipv6/conf/default/accept_dad': '0',
  'ipv6/conf/default/accept_ra': '0',
};

export interface CniNode {
  name: string;
  /** Name under /run/netns of the namespace the host ends of the pairs lie in. */
  netns: string;
  stateFolder: string;
  /** Ranges pods get their addresses from, one a family. */
  podCIDRs: readonly string[];
  /** Source addresses of what the node itself sends to pods. */
  addresses: readonly string[];
}

export interface PodReference {
  uid: string;
  namespace: string;
  name: string;
}

/** Name of the pod's network namespace; the agent reads it from the attachment. */
export function podNetns(node: Pick<CniNode, 'name'>, podUid: string): string {
  return `spyglass-${node.name}-${createHash('sha256').update(podUid).digest('hex').slice(0, 8)}`;
}

/** Wires the pod and records it; a pod that is wired already keeps what it has. Undoes itself on failure. */
export async function addPod(node: CniNode, pod: PodReference): Promise<Attachment> {
  const folder = attachmentFolder(node.stateFolder);
  const former = readAttachment(folder, pod.uid);
  if (former !== undefined) return former;
  const lease = allocate(ledgerOf(node), node.podCIDRs, pod.uid);
  const wiring = {
    podUid: pod.uid,
    namespace: pod.namespace,
    name: pod.name,
    endpointId: lease.endpointId,
    netns: podNetns(node, pod.uid),
    hostInterface: `sg${lease.endpointId}`,
    hostMac: randomMac(),
    podMac: randomMac(),
    addresses: lease.addresses,
  };
  try {
    await run('ip', ['netns', 'add', wiring.netns]);
    await run('nsenter', [`--net=/run/netns/${wiring.netns}`, 'sh', '-ec', sysctlScript(POD_SYSCTLS)]);
    const hostIfindex = await wireHost(node, wiring);
    await run('ip', ['-n', wiring.netns, '-batch', '-'], podCommands(wiring));
    const attachment = { ...wiring, hostIfindex };
    writeAttachment(folder, attachment);
    return attachment;
  } catch (error) {
    await unwire(node, wiring.netns, wiring.hostInterface);
    release(ledgerOf(node), pod.uid);
    throw new Failure(`cannot wire pod ${pod.namespace}/${pod.name}: ${sentence(error)}`, { cause: error });
  }
}

/** Removes the pod's interfaces, namespace, addresses and attachment. A pod that is not wired is no error. */
export async function deletePod(node: CniNode, podUid: string): Promise<void> {
  const folder = attachmentFolder(node.stateFolder);
  const attachment = readAttachment(folder, podUid);
  if (attachment === undefined) return;
  removeAttachment(folder, podUid);
  await unwire(node, attachment.netns, attachment.hostInterface);
  release(ledgerOf(node), podUid);
}

/** Shell lines that write settings below /proc/sys/net of the namespace they run in. */
export function sysctlScript(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([path, value]) => `echo '${value}' > /proc/sys/net/${path}`)
    .join('\n');
}

type Wiring = Omit<Attachment, 'hostIfindex'>;

const ledgerOf = (node: CniNode): string => join(node.stateFolder, 'ipam.json');

async function wireHost(node: CniNode, wiring: Wiring): Promise<number> {
  const { hostInterface, hostMac, podMac, netns } = wiring;
  const routes = wiring.addresses.flatMap((address) => {
    const source = node.addresses.find((it) => isIPv4(it) === isIPv4(address));
    return [
      `neigh replace ${address} lladdr ${podMac} dev ${hostInterface} nud permanent`,
      `route replace ${address}${source === undefined ? '' : ` src ${source}`} dev ${hostInterface}`,
    ];
  });
  const commands = [
    `link add ${hostInterface} mtu ${MTU} address ${hostMac} type veth peer name eth0 mtu ${MTU} address ${podMac} netns ${netns}`,
    `link set ${hostInterface} up`,
    ...routes,
    `link show dev ${hostInterface}`,
  ];
  const output = await run('ip', ['-n', node.netns, '-json', '-batch', '-'], `${commands.join('\n')}\n`);
  const [link] = JSON.parse(output) as { ifindex: number }[];
  if (link === undefined) throw new Error(`ip shows no interface ${hostInterface} after it made it`);
  return link.ifindex;
}

function podCommands({ addresses, hostMac }: Wiring): string {
  const commands = ['link set lo up', 'link set eth0 up'];
  for (const address of addresses) {
    const v4 = isIPv4(address);
    const gateway = v4 ? GATEWAYS.v4 : GATEWAYS.v6;
    commands.push(
      `address add ${address}${v4 ? '/32' : '/128'} dev eth0${v4 ? '' : ' nodad'}`,
      `neigh replace ${gateway} lladdr ${hostMac} dev eth0 nud permanent`,
      `route add ${gateway} dev eth0${v4 ? ' scope link' : ''}`,
      `route add default via ${gateway} dev eth0 src ${address}`,
    );
  }
  return `${commands.join('\n')}\n`;
}

/** Best effort: what is not there needs no removal. Deleting one end of a pair deletes the other. */
async function unwire(node: CniNode, netns: string, hostInterface: string): Promise<void> {
  await Promise.allSettled([
    run('ip', ['-n', node.netns, 'link', 'delete', hostInterface]),
    run('ip', ['netns', 'delete', netns]),
  ]);
}

/** A locally administered unicast address. */
function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
