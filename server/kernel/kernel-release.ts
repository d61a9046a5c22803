/** The running kernel's version. */
import { release } from 'node:os';

export function kernelRelease(): string {
  return release();
}

/** Whether the running kernel is at least `major.minor`. */
export function kernelAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release().split('.').map(Number);
  return a > major || (a === major && b >= minor);
}
