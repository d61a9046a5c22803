/**
 * The network of one benchmark variant: a node namespace between a client pod and a server pod, wired the
 * way Spyglass wires pods: one address, a gateway that is only a static neighbour entry, a host route
 * per pod on the node. All variants use the same wiring and differ in what the node does with packets.
 */
import { readdir } from 'node:fs/promises';
import { run } from './run.ts';

const PREFIX = 'sgbench-';

export interface Pod {
  netns: string;
  /** Host side of the veth pair, in the node's namespace. */
  hostInterface: string;
  hostMac: string;
  podMac: string;
  /** IPv4 and IPv6, no prefix length. */
  addresses: readonly [v4: string, v6: string];
}

export interface Topology {
  /** Namespace that acts as the node. */
  node: string;
  client: Pod;
  server: Pod;
}

function pod(variant: string, role: 'client' | 'server', number: number): Pod {
  return {
    netns: `${PREFIX}${variant}-${role}`,
    hostInterface: `sg${15 + number}`,
    hostMac: `02:00:00:00:01:0${number}`,
    podMac: `02:00:00:00:02:0${number}`,
    addresses: [`10.42.0.${1 + number}`, `fd42::${1 + number}`],
  };
}

/** Runs lines of iproute2 commands in a network namespace. */
async function batch(netns: string, lines: string[]): Promise<void> {
  await run('ip', ['-n', netns, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Wires a pod to the node, both namespaces exist. */
async function wire(node: string, { netns, hostInterface, hostMac, podMac, addresses }: Pod): Promise<void> {
  const [v4, v6] = addresses;
  await batch(node, [
    `link add ${hostInterface} address ${hostMac} type veth peer name eth0 address ${podMac} netns ${netns}`,
    `link set ${hostInterface} up`,
    `route add ${v4}/32 dev ${hostInterface}`,
    `route add ${v6}/128 dev ${hostInterface}`,
    `neigh add ${v4} lladdr ${podMac} dev ${hostInterface} nud permanent`,
    `neigh add ${v6} lladdr ${podMac} dev ${hostInterface} nud permanent`,
  ]);
  await batch(netns, [
    'link set lo up',
    `addr add ${v4}/32 dev eth0`,
    `addr add ${v6}/128 dev eth0 nodad`,
    'link set eth0 up',
    `neigh add 169.254.1.1 lladdr ${hostMac} dev eth0 nud permanent`,
    `neigh add fe80::1 lladdr ${hostMac} dev eth0 nud permanent`,
    'route add default via 169.254.1.1 dev eth0 onlink',
    'route add ::/0 via fe80::1 dev eth0 onlink',
  ]);
}

/** Runs a command inside a network namespace. */
export async function inNamespace(netns: string, command: string, args: string[], input = ''): Promise<string> {
  return run('ip', ['netns', 'exec', netns, command, ...args], input);
}

/** Creates the namespaces of a variant. `variant` is at most 10 letters, digits and dashes. */
export async function createTopology(variant: string): Promise<Topology> {
  const topology = {
    node: `${PREFIX}${variant}-node`,
    client: pod(variant, 'client', 1),
    server: pod(variant, 'server', 2),
  };
  const { node, client, server } = topology;
  for (const netns of [node, client.netns, server.netns]) await run('ip', ['netns', 'add', netns]);
  await batch(node, ['link set lo up']);
  await wire(node, client);
  await wire(node, server);
  const forward = ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0'];
  await inNamespace(node, 'sysctl', forward);
  // Connections come by the ten thousand a second: all ports, so that none is waited for.
  await inNamespace(client.netns, 'sysctl', ['-qw', 'net.ipv4.ip_local_port_range=1024 65535']);
  return topology;
}

/** Removes every namespace of the benchmark with the processes in it, also those of a run that crashed. */
export async function removeTopologies(): Promise<void> {
  const all = await readdir('/run/netns').catch(() => []);
  for (const netns of all.filter((name) => name.startsWith(PREFIX))) {
    const pids = (await run('ip', ['netns', 'pids', netns])).split('\n').filter(Boolean).map(Number);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await run('ip', ['netns', 'delete', netns]);
  }
}
