/**
 * Everything a node leaves on the machine, removed: used at the end of a run, and at the beginning of
 * the next in case the last one was killed.
 */
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode } from '../base/failure.ts';
import { run } from '../cni/run.ts';
import { removeCgroup } from '../kernel/cgroup.ts';
import { BPFFS, isNamespaceOf } from './local-node.ts';
import type { LocalNode } from './local-node.ts';
import { killRecorded } from './process-ledger.ts';

/** Written by the agent if it had to mount the BPF file system. */
const MOUNT_MARK = 'bpffs-mounted';
/** The kernel puts these into every BPF file system. */
const ALWAYS_THERE = new Set(['maps.debug', 'progs.debug']);

/** Removes processes, pins, the group, namespaces and files of the node. Returns what there was, as words. */
export async function removeLeftovers(node: LocalNode): Promise<string[]> {
  const removed: string[] = [];
  const note = (count: number, one: string, many: string): void => {
    if (count > 0) removed.push(`${count} ${count === 1 ? one : many}`);
  };
  note(killRecorded(node.stateFolder), 'process', 'processes');
  note(removePins(node), 'pin', 'pins');
  note(node.cgroup !== undefined && (await removeCgroup(node.cgroup)) ? 1 : 0, 'control group', 'control groups');
  const namespaces = readdirIfAny('/run/netns').filter((name) => isNamespaceOf(node, name));
  // Interface pairs go with the namespaces; deleting these ends them even if a process still holds one.
  await Promise.all(namespaces.map((name) => removeNamespace(name)));
  note(namespaces.length, 'network namespace', 'network namespaces');
  await unmountIfOurs(node);
  for (const folder of [node.stateFolder, node.historyFolder]) {
    if (!existsSync(folder)) continue;
    rmSync(folder, { recursive: true, force: true });
    removed.push(folder);
  }
  // /var/lib/spyglass/nodes and what it lies in, unless somebody else has something there.
  const nodes = dirname(node.historyFolder);
  for (const folder of [nodes, dirname(nodes)]) removeIfEmpty(folder);
  return removed;
}

async function removeNamespace(name: string): Promise<void> {
  try {
    await deleteLinks(name);
  } finally {
    await run('ip', ['netns', 'delete', name]).catch(() => rmSync(join('/run/netns', name), { force: true }));
  }
}

/** A namespace lives as long as a process in it; its interfaces need not. */
async function deleteLinks(netns: string): Promise<void> {
  const output = await run('ip', ['-n', netns, '-json', 'link', 'show', 'type', 'veth']).catch(() => '[]');
  const links = JSON.parse(output === '' ? '[]' : output) as { ifname?: string }[];
  const commands = links.flatMap(({ ifname }) => (ifname === undefined ? [] : [`link delete ${ifname}\n`]));
  await run('ip', ['-force', '-n', netns, '-batch', '-'], commands.join('')).catch(() => undefined);
}

function removePins(node: LocalNode): number {
  const pins = readdirIfAny(node.pinFolder, true).length;
  rmSync(node.pinFolder, { recursive: true, force: true });
  removeIfEmpty(dirname(node.pinFolder));
  return pins;
}

async function unmountIfOurs(node: LocalNode): Promise<void> {
  if (!existsSync(join(node.stateFolder, MOUNT_MARK))) return;
  if (readdirIfAny(BPFFS).every((it) => ALWAYS_THERE.has(it))) await run('umount', [BPFFS]).catch(() => undefined);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EPERM'].some((code) => hasCode(error, code))) throw error;
  }
}

/** Names in the folder, of files only and with folders below if `deep`; none if there is no folder. */
function readdirIfAny(folder: string, deep = false): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: deep });
    return entries.filter((it) => !deep || !it.isDirectory()).map((it) => it.name);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
