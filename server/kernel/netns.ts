/** Doing something inside a network namespace. */
import { closeSync, openSync } from 'node:fs';
import { checkErrno, native } from './native.ts';
import { KernelError } from './errors.ts';
import { uint32 } from '../wire/struct.ts';

const CLONE_NEWNET = 0x40000000;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

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

/** The number by which programs know the calling thread's network namespace (bpf_get_netns_cookie); unique per boot. */
export function netnsCookie(): bigint {
  const { libc } = native();
  const socket = checkErrno('open a socket', libc.socket(AF_UNIX, SOCK_DGRAM, 0));
  try {
    const cookie = Buffer.alloc(8);
    const code = libc.getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, uint32(cookie.length));
    checkErrno('ask for the cookie of the network namespace', code);
    return cookie.readBigUInt64LE();
  } finally {
    closeSync(socket);
  }
}
