/**
 * Services for processes of the host, at their sockets (bpf/sock.bpf.c): the programs are attached to a
 * cgroup and use the maps that the packet programs have pinned. Their links outlive the agent like all
 * others.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BpfObject } from '../kernel/bpf-object.ts';
import { errnoOf, KernelError } from '../kernel/errors.ts';
import { NODE } from '../kernel/layouts.gen.ts';
import { attachCgroup, detachLink, SOCKET_CALLS } from '../kernel/link.ts';
import type { BpfMap } from '../kernel/maps.ts';
import { netnsCookie } from '../kernel/netns.ts';
import { packStruct } from '../wire/struct.ts';

const PREFIX = 'cgroup-';
const ZERO_KEY = Buffer.alloc(4);

/**
 * Attaches the programs of `object` (a path) to `cgroup`, or none if it is undefined, and removes the links
 * that an earlier agent made to another group. Must run in the node's network namespace, whose sockets alone
 * the programs touch. `pins`: the node's folder of pins; `node`: its map of that name. @throws KernelError
 */
export function attachSocketPrograms(
  object: string,
  { cgroup, pins, node }: { cgroup: string | undefined; pins: string; node: BpfMap },
): void {
  const folder = join(pins, 'links');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const wanted = new Set<string>();
  if (cgroup !== undefined) {
    node.set(ZERO_KEY, packStruct(NODE, { netns_cookie: netnsCookie() }));
    using programs = new BpfObject(object, { pinDirectory: join(pins, 'maps') });
    // A group that was removed and made again is another one.
    const id = cgroupId(cgroup);
    for (const call of SOCKET_CALLS) {
      const name = `${PREFIX}${id}-${call}`;
      wanted.add(name);
      attachCgroup(programs.programFd(call), cgroup, call, join(folder, name));
    }
  }
  for (const name of readdirSync(folder)) {
    if (name.startsWith(PREFIX) && !wanted.has(name)) detachLink(join(folder, name));
  }
}

/** The group's number: its folder's inode. */
function cgroupId(path: string): bigint {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    throw new KernelError(`find the cgroup ${path}`, errnoOf(error), 'Name a folder of a cgroup2 mount');
  }
}
