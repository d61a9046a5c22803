/**
 * How a container's process is started: in the pod's network namespace, with mount, pid, host name and
 * IPC namespaces of its own, then as nobody without privileges. util-linux does it; nothing of the pod's
 * own (its environment, its command) is used before the last step.
 *
 * Whatever the node's folders are (a home of root, say), the pod sees them at fixed places:
 *   /run/spyglass/app   the folder of manifests, and the working directory
 *   /run/spyglass/bin   first on PATH: node, spyglass-dns
 *   /run/spyglass/lib   Spyglass itself, as built
 *   /run/spyglass/node_modules   the packages it uses, which programs of pods may use as well
 *   /run/spyglass/dns   the zone of cluster names
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ContainerPlan } from '../cluster/plan.ts';
import { packageRoot, packagesFolder } from './package-root.ts';

const VIEW = '/run/spyglass';
const NOBODY = '65534';
const PATH = `${VIEW}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

const SCRIPT = `
view=$1 pod=$2 app=$3 lib=$4 packages=$5 node=$6 dns=$7 host=$8 dir=$9; shift 9
mount --bind "$node" "$view/bin/node"
mount --bind "$app" "$view/app"
mount --bind "$lib/dist" "$view/lib/dist"
mount --bind "$lib/package.json" "$view/lib/package.json"
mount --bind "$packages" "$view/node_modules"
mount --bind "$dns" "$view/dns"
mount --bind "$pod/resolv.conf" /etc/resolv.conf
mount --bind "$pod/hosts" /etc/hosts
mount --rbind "$view" ${VIEW}
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
mount -t tmpfs -o nosuid,nodev,size=64m,mode=1777 tmpfs /tmp
echo "$host" > /proc/sys/kernel/hostname
cd "$dir"
exec "$@"
`;

export interface LaunchPlace {
  stateFolder: string;
  /** Folder of manifests. */
  folder: string;
}

export interface PodPlace {
  netns: string;
  /** Folder with the pod's resolv.conf and hosts. */
  files: string;
  hostname: string;
  /** Set for every container, below what its manifest sets. */
  env: Record<string, string>;
}

export const zoneFolder = (stateFolder: string): string => join(stateFolder, 'dns');

/** Makes the folder that pods see as /run/spyglass, with the places things are mounted on. */
export function prepareView(stateFolder: string): void {
  const view = viewOf(stateFolder);
  for (const folder of ['bin', 'app', 'lib/dist', 'node_modules', 'dns'])
    mkdirSync(join(view, folder), { recursive: true });
  mkdirSync(zoneFolder(stateFolder), { recursive: true });
  for (const file of ['bin/node', 'lib/package.json']) writeFileSync(join(view, file), '');
  const dns = join(view, 'bin/spyglass-dns');
  writeFileSync(dns, `#!/bin/sh\nexec ${VIEW}/bin/node ${VIEW}/lib/dist/server/standalone/dns/main.js "$@"\n`);
  chmodSync(dns, 0o755);
}

/** Writes the files that are mounted over /etc/resolv.conf and /etc/hosts; returns their folder. */
export function writePodFiles(
  stateFolder: string,
  pod: { uid: string; namespace: string; name: string; addresses: readonly string[]; nameserver: string },
): string {
  const folder = join(stateFolder, 'pods', pod.uid);
  mkdirSync(folder, { recursive: true });
  const search = `search ${pod.namespace}.svc.cluster.local svc.cluster.local cluster.local`;
  writeFileSync(join(folder, 'resolv.conf'), `${search}\nnameserver ${pod.nameserver}\noptions ndots:5\n`);
  const own = pod.addresses.map((address) => `${address}\t${pod.name}\n`);
  writeFileSync(join(folder, 'hosts'), `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n${own.join('')}`);
  return folder;
}

/** The command line that runs the container. It dies with the process that runs it. */
export function launchArgv(place: LaunchPlace, pod: PodPlace, container: ContainerPlan): string[] {
  const capabilities = container.capabilities.map((it) => `,+${it.toLowerCase()}`).join('');
  const env = { PATH, HOME: '/tmp', HOSTNAME: pod.hostname, ...pod.env, ...container.env };
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const workingDir = container.workingDir ?? `${VIEW}/app`;
  const view = [
    viewOf(place.stateFolder),
    pod.files,
    resolve(place.folder),
    packageRoot(),
    packagesFolder(),
    process.execPath,
  ];
  const intoNetwork = `setpriv --pdeathsig=KILL -- nsenter --net=/run/netns/${pod.netns} --`;
  // Mounts made here stay here (slave), unmounts of other pods' namespaces outside arrive.
  const intoOwn = 'unshare --mount --propagation=slave --pid --uts --ipc --fork --kill-child=KILL --';
  const asNobody = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --no-new-privs --pdeathsig=KILL`;
  const powers = ['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=-all${capabilities}`);
  const script = ['sh', '-ec', SCRIPT, 'sh', ...view, zoneFolder(place.stateFolder), pod.hostname, workingDir];
  const last = [...asNobody.split(' '), ...powers, '--', 'env', '-i', ...settings, ...container.argv];
  return [...intoNetwork.split(' '), ...intoOwn.split(' '), ...script, ...last];
}

const viewOf = (stateFolder: string): string => join(stateFolder, 'view');
