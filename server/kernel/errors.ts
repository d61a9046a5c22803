/**
 * Errors of the native door. Each names the step that failed, the system's own words for the cause, and
 * what to do about it where we know.
 */
import { getSystemErrorMessage, getSystemErrorName } from './errno.ts';

export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly step: string;
  /** Positive errno, 0 if the failure has none. */
  readonly errno: number;

  constructor(step: string, errno: number, advice = '') {
    const cause = errno === 0 ? '' : `: ${getSystemErrorMessage(errno)} (${getSystemErrorName(errno)})`;
    const hint = advice || adviceFor(errno);
    super(`${step}${cause}${hint ? `. ${hint}` : ''}`);
    this.step = step;
    this.errno = errno;
  }
}

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EEXIST: 17,
  EINVAL: 22,
  E2BIG: 7,
  ENOSPC: 28,
  ENOMEM: 12,
} as const;

/** The positive errno of an error that Node threw, 0 if it has none. */
export function errnoOf(thrown: unknown): number {
  return thrown instanceof Error && 'errno' in thrown && typeof thrown.errno === 'number' ? -thrown.errno : 0;
}

function adviceFor(errno: number): string {
  switch (errno) {
    case ERRNO.EPERM:
      return 'Run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN';
    case ERRNO.ENOMEM:
      return 'The kernel has no memory for it, or the memory limit of this cgroup is too low';
    default:
      return '';
  }
}

/** The line of a verifier log that tells why a program was refused: the last one before the statistics. */
export function tellingLine(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('processed ') && !line.startsWith(';'));
  return lines.at(-1) ?? '';
}

/** @returns `code` if it is not negative; throws KernelError with its errno otherwise (libbpf's convention). */
export function check(step: string, code: number, advice = ''): number {
  if (code < 0) throw new KernelError(step, -code, advice);
  return code;
}
