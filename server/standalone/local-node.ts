/** The standalone node: its names, addresses and places. Everything it leaves anywhere is listed here. */
import { join } from 'node:path';
import { Failure, EXIT_USAGE } from '../base/failure.ts';
import type { CniNode } from '../cni/pod-network.ts';
import type { Node } from '../cluster/model.ts';
import { cgroupMount } from '../kernel/cgroup.ts';

export const RUN_FOLDER = '/run/spyglass';
export const BPFFS = '/sys/fs/bpf';
/** On a disk, unlike RUN_FOLDER: what a run keeps there would be memory. */
const DATA_FOLDER = '/var/lib/spyglass/nodes';

export interface LocalNode extends CniNode {
  /** Where the agent pins links and maps. */
  pinFolder: string;
  /** Of the hub's history; goes with the run, like all else. */
  historyFolder: string;
  /** Group of the node's own processes, undefined on a machine without cgroup2. */
  cgroup: string | undefined;
  /** Held by the running `up`; beside the state folder, which it outlives. */
  lockFile: string;
  model: Node;
}

/** `cgroups`: where cgroup2 is mounted. Throws a usage Failure if the name does not fit into the names derived from it. */
export function localNode(name: string, cgroups: string | undefined = cgroupMount()): LocalNode {
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name) || /-[0-9a-f]{8}$/.test(name)) {
    throw new Failure(
      `"${name}" cannot be a node name: use up to 40 lower-case letters, digits and "-", beginning with a letter and not ending like a pod's namespace (-1a2b3c4d)`,
      { exitCode: EXIT_USAGE },
    );
  }
  const addresses = ['10.42.0.1', 'fd42::1'];
  const podCIDRs = ['10.42.0.0/24', 'fd42::/64'];
  return {
    name,
    netns: `spyglass-${name}`,
    stateFolder: join(RUN_FOLDER, name),
    podCIDRs,
    addresses,
    pinFolder: join(BPFFS, 'spyglass', name),
    historyFolder: join(DATA_FOLDER, name),
    cgroup: cgroups === undefined ? undefined : join(cgroups, `spyglass-${name}`),
    lockFile: join(RUN_FOLDER, `${name}.lock`),
    model: { name, labels: { 'kubernetes.io/hostname': name }, addresses, podCIDRs },
  };
}

/** Whether a namespace is this node's own or one of its pods'. Names of other nodes may begin alike. */
export function isNamespaceOf(node: LocalNode, netns: string): boolean {
  if (netns === node.netns) return true;
  return netns.startsWith(`${node.netns}-`) && /^[0-9a-f]{8}$/.test(netns.slice(node.netns.length + 1));
}
