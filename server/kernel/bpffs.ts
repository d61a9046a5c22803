/** The bpf file system, where maps and links are pinned so that they outlive a process. */
import { existsSync, statfsSync } from 'node:fs';
import { ERRNO, KernelError } from './errors.ts';
import { checkErrno, native } from './native.ts';

export const BPFFS = '/sys/fs/bpf';
/** All of a node's pins. */
export function pinDirectory(node: string): string {
  return `${BPFFS}/spyglass/${node}`;
}

/** BPF_FS_MAGIC of linux/magic.h */
const BPF_FS_MAGIC = 0xcafe4a11;

/** Mounts /sys/fs/bpf if it is not mounted. @returns whether it had to. @throws KernelError if it cannot. */
export function mountBpffs(): boolean {
  if (!existsSync(BPFFS)) throw new KernelError(`mount ${BPFFS}`, ERRNO.ENOENT, 'Use a kernel with CONFIG_BPF_SYSCALL');
  if (statfsSync(BPFFS).type === BPF_FS_MAGIC) return false;
  const { libc } = native();
  checkErrno(
    `mount ${BPFFS}`,
    libc.mount('bpf', BPFFS, 'bpf', 0, null),
    'It takes CAP_SYS_ADMIN and a kernel with BPF',
  );
  return true;
}
