/** File descriptors that other owners hand us. */
import { readdirSync, readlinkSync } from 'node:fs';
import { lastErrno, native } from './native.ts';
import { ERRNO, KernelError } from './errors.ts';

/** A second descriptor for the same open file, close-on-exec. The caller owns it. */
export function dupFd(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  const copy = native().libc.fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw new KernelError(`duplicate descriptor ${fd}`, lastErrno() || ERRNO.EINVAL);
  return copy;
}

/** The eBPF descriptors this process holds (maps, programs, links): what tests check for leaks. */
export function openBpfDescriptors(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (/bpf|\/ns\/|net:\[/.test(target)) found.push(`${fd} -> ${target}`);
    } catch {
      // The descriptor of the directory listing itself is gone by now.
    }
  }
  return found;
}
