/**
 * Attaching programs to the two sides of a device: tcx links (Linux 6.6), which are pinned so that they
 * outlive the agent, or clsact filters on older kernels, which outlive it by themselves. Both are found
 * again and replaced without a gap. Device numbers are those of the calling thread's network namespace.
 */
import { closeSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { check, ERRNO, KernelError } from './errors.ts';
import { kernelAtLeast } from './kernel-release.ts';
import { native } from './native.ts';

export type Side = 'ingress' | 'egress';

/** enum bpf_attach_type */
const TCX = { ingress: 46, egress: 47 } as const;
const XDP = 37;
/** enum bpf_tc_attach_point */
const CLSACT = { ingress: 1, egress: 2 } as const;
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
  attachLink(programFd, ifindex, TCX[side], `tcx ${side}`, pin);
}

/** An XDP link, as attachTcx: in the device's driver, or in the generic hook where that has none. */
export function attachXdp(programFd: number, ifindex: number, pin: string): void {
  attachLink(programFd, ifindex, XDP, 'xdp', pin);
}

function attachLink(programFd: number, ifindex: number, type: number, name: string, pin: string): void {
  const { libbpf } = native();
  if (existsSync(pin)) {
    const adopted = check(`open the pinned link ${pin}`, libbpf.bpf_obj_get(pin));
    const code = libbpf.bpf_link_update(adopted, programFd, null);
    closeSync(adopted);
    if (code >= 0) return;
    if (code !== -ENOLINK) check(`replace the program of ${pin}`, code);
    rmSync(pin);
  }
  const code = libbpf.bpf_link_create(programFd, ifindex, type, null);
  const link = check(`attach to device ${ifindex} (${name})`, code, deviceAdvice(code));
  try {
    mkdirSync(dirname(pin), { recursive: true, mode: 0o700 });
    check(`pin the link at ${pin}`, libbpf.bpf_obj_pin(link, pin));
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

/** Removes a pinned link and with it the program from its device. A missing pin is no error. */
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
