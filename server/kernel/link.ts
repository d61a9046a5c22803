/**
 * Attaching programs. To the two sides of a device: tcx links (Linux 6.6), which are pinned so that they
 * outlive the agent, or clsact filters on older kernels, which outlive it by themselves. To a cgroup: links,
 * pinned as well. All are found again and replaced without a gap. Device numbers are those of the calling
 * thread's network namespace.
 */
import { closeSync, constants, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { check, ERRNO, errnoOf, KernelError } from './errors.ts';
import { kernelAtLeast } from './kernel-release.ts';
import { native } from './native.ts';

export type Side = 'ingress' | 'egress';

/** enum bpf_attach_type */
const TCX = { ingress: 46, egress: 47 } as const;
const XDP = 37;
/** enum bpf_tc_attach_point */
const CLSACT = { ingress: 1, egress: 2 } as const;
/** enum bpf_attach_type, of programs whose context is a socket address */
const SOCK_ADDR = {
  connect4: 10,
  connect6: 11,
  sendmsg4: 14,
  sendmsg6: 15,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
} as const;
export type SocketCall = keyof typeof SOCK_ADDR;
export const SOCKET_CALLS = Object.keys(SOCK_ADDR) as SocketCall[];
const BPF_TC_F_REPLACE = 1;
const ENODEV = 19;
const ENOLINK = 67;

/** Attaches a program to a device, replacing what an earlier agent attached there under `pin`. */
export function attachProgram(programFd: number, ifindex: number, side: Side, pin: string): void {
  if (kernelAtLeast(6, 6)) attachTcx(programFd, ifindex, side, pin);
  else attachClsact(programFd, ifindex, side);
}

/** A tcx link, pinned at `pin`. An existing one is updated in place unless its device is gone. */
export function attachTcx(programFd: number, ifindex: number, side: Side, pin: string): void {
  if (updateLink(programFd, pin)) return;
  const code = native().libbpf.bpf_link_create(programFd, ifindex, TCX[side], null);
  pinLink(check(`attach to device ${ifindex} (tcx ${side})`, code, deviceAdvice(code)), pin);
}

/** An XDP link, as attachTcx: in the device's driver, or in the generic hook where that has none. */
export function attachXdp(programFd: number, ifindex: number, pin: string): void {
  if (updateLink(programFd, pin)) return;
  const code = native().libbpf.bpf_link_create(programFd, ifindex, XDP, null);
  pinLink(check(`attach to device ${ifindex} (xdp)`, code, deviceAdvice(code)), pin);
}

/**
 * A link to a cgroup of the v2 hierarchy, a folder, pinned at `pin`: the program runs for that call of all
 * processes in the group and in those below. An existing one is updated in place unless its group is gone.
 */
export function attachCgroup(programFd: number, cgroup: string, call: SocketCall, pin: string): void {
  if (updateLink(programFd, pin)) return;
  let folder: number;
  try {
    folder = openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw new KernelError(`open the cgroup ${cgroup}`, errnoOf(error));
  }
  try {
    const code = native().libbpf.bpf_link_create(programFd, folder, SOCK_ADDR[call], null);
    pinLink(check(`attach ${call} to the cgroup ${cgroup}`, code, cgroupAdvice(code)), pin);
  } finally {
    closeSync(folder);
  }
}

/** @returns whether there was a link at `pin` that could be given the program; one to nothing is removed. */
function updateLink(programFd: number, pin: string): boolean {
  if (!existsSync(pin)) return false;
  const { libbpf } = native();
  const adopted = check(`open the pinned link ${pin}`, libbpf.bpf_obj_get(pin));
  const code = libbpf.bpf_link_update(adopted, programFd, null);
  closeSync(adopted);
  if (code >= 0) return true;
  if (code !== -ENOLINK) check(`replace the program of ${pin}`, code);
  rmSync(pin);
  return false;
}

/** Pins a new link; its descriptor is closed in any case. */
function pinLink(link: number, pin: string): void {
  try {
    mkdirSync(dirname(pin), { recursive: true, mode: 0o700 });
    check(`pin the link at ${pin}`, native().libbpf.bpf_obj_pin(link, pin));
  } finally {
    closeSync(link);
  }
}

/** A clsact filter with handle and priority 1, replaced if it is there. */
export function attachClsact(programFd: number, ifindex: number, side: Side): void {
  const { libbpf } = native();
  const hook = tcHook(ifindex, CLSACT.ingress | CLSACT.egress);
  const created = libbpf.bpf_tc_hook_create(hook);
  if (created !== -ERRNO.EEXIST) check(`create clsact on device ${ifindex}`, created, deviceAdvice(created));
  const options = Buffer.alloc(32); // struct bpf_tc_opts
  options.writeBigUInt64LE(BigInt(options.length), 0);
  options.writeInt32LE(programFd, 8);
  options.writeUInt32LE(BPF_TC_F_REPLACE, 12);
  options.writeUInt32LE(1, 20); // handle
  options.writeUInt32LE(1, 24); // priority
  check(`attach to device ${ifindex} (clsact ${side})`, libbpf.bpf_tc_attach(tcHook(ifindex, CLSACT[side]), options));
}

/** Removes a pinned link and with it the program from its device or group. A missing pin is no error. */
export function detachLink(pin: string): void {
  try {
    rmSync(pin, { force: true });
  } catch (cause) {
    throw new KernelError(`remove the link ${pin} (${cause instanceof Error ? cause.message : String(cause)})`, 0);
  }
}

/** struct bpf_tc_hook */
function tcHook(ifindex: number, point: number): Buffer {
  const hook = Buffer.alloc(24);
  hook.writeBigUInt64LE(BigInt(hook.length), 0);
  hook.writeInt32LE(ifindex, 8);
  hook.writeInt32LE(point, 12);
  return hook;
}

function deviceAdvice(code: number): string {
  return code === -ENODEV ? 'The device is not in this network namespace; was the pod removed meanwhile?' : '';
}

function cgroupAdvice(code: number): string {
  return code === -ERRNO.EBADF || code === -ERRNO.EINVAL ? 'It must be a folder of a cgroup2 mount' : '';
}
