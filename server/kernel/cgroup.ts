/** Control groups, version 2 (kernel documentation, admin-guide/cgroup-v2.rst): only as something to attach to. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, ERRNO, KernelError } from './errors.ts';

const ESRCH = 3;
const EBUSY = 16;
/** How long killed processes may take to end. */
const EXIT_MS = 2000;

/** Where the v2 hierarchy is mounted, undefined if it is not. Beside v1 hierarchies it has a place of its own. */
export function cgroupMount(mounts: string = readFileSync('/proc/self/mounts', 'utf8')): string | undefined {
  const fields = mounts.split('\n').map((line) => line.split(' '));
  // Blanks in paths are written as \040.
  return fields.find(([, , type]) => type === 'cgroup2')?.[1]?.replaceAll('\\040', ' ');
}

/** Makes the group if it is not there. @throws KernelError */
export function createCgroup(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new KernelError(`make the cgroup ${path}`, errnoOf(error), 'It takes root, and a cgroup2 mount to write to');
  }
}

/**
 * Removes the group; processes still in it go to the one above. A missing one is no error.
 * @returns whether it was there. @throws KernelError
 */
export async function removeCgroup(path: string): Promise<boolean> {
  const deadline = performance.now() + EXIT_MS;
  for (;;) {
    try {
      for (const pid of membersOf(path)) move(pid, dirname(path));
      rmdirSync(path);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === ERRNO.ENOENT) return false;
      // A killed process is a member until the kernel has taken it apart.
      if (errno !== EBUSY || performance.now() > deadline) throw new KernelError(`remove the cgroup ${path}`, errno);
    }
    await sleep(10);
  }
}

/** The command that runs `argv` inside the group. A shell enters it and then becomes the command. */
export function inCgroup(path: string, argv: readonly string[]): string[] {
  return ['sh', '-c', 'echo 0 > "$0/cgroup.procs" && exec "$@"', path, ...argv];
}

function membersOf(path: string): string[] {
  return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
}

function move(pid: string, path: string): void {
  try {
    writeFileSync(join(path, 'cgroup.procs'), pid);
  } catch (error) {
    // It has ended meanwhile.
    if (errnoOf(error) !== ESRCH) throw error;
  }
}
