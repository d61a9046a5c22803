/** Doing something inside a network namespace. */
import { closeSync, openSync } from 'node:fs';
import { checkErrno, native } from './native.ts';
import { KernelError } from './errors.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `block` with the calling thread inside the namespace at `path` (such as `/run/netns/NAME`), and
 * goes back whatever happens. Strictly synchronous: a promise would go on in the wrong namespace, so
 * returning one is an error. Child processes spawned by the block live inside the namespace.
 */
export function withNetns<T>(path: string, block: () => T): T {
  const { libc } = native();
  const home = openSync('/proc/thread-self/ns/net', 'r');
  let there: number;
  try {
    there = openSync(path, 'r');
  } catch (cause) {
    closeSync(home);
    throw new KernelError(`open the network namespace ${path} (${cause instanceof Error ? cause.message : ''})`, 0);
  }
  try {
    checkErrno(`enter the network namespace ${path}`, libc.setns(there, CLONE_NEWNET), 'It takes CAP_SYS_ADMIN');
    try {
      const result = block();
      if (result instanceof Promise) throw new KernelError('run a block in a namespace', 0, 'It must not be async');
      return result;
    } finally {
      if (libc.setns(home, CLONE_NEWNET) !== 0) {
        // Everything after this line would act on the wrong network: stop here.
        console.error(`cannot leave the network namespace ${path}, stopping`);
        process.exit(70);
      }
    }
  } finally {
    closeSync(there);
    closeSync(home);
  }
}
