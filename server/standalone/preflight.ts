/** What must be there before anything is started. Each check throws one sentence that says what to do. */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { release } from 'node:os';
import { Failure, hasCode, sentence } from '../base/failure.ts';

const TOOLS = {
  ip: 'iproute2',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  flock: 'util-linux',
};
const LEAST_KERNEL = [6, 1] as const;
/** Bits of linux/capability.h. Root in a container often lacks some. */
const CAPABILITIES = {
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_ADMIN: 12,
  CAP_SYS_ADMIN: 21,
};
/** Permission bits: others may list and enter. */
const OTHERS_ENTER = 0o005;

/** This machine, or whoever runs this here, cannot have the datapath, whatever is installed. */
export class NoDatapathError extends Failure {}

/**
 * The folder, root, its capabilities, kernel, eBPF, IPv6, tools, in this order. Throws a NoDatapathError for what nothing
 * that is installed here would change.
 */
export function preflight(folder: string): void {
  checkFolder(folder);
  if (process.getuid?.() !== 0) {
    throw new NoDatapathError(
      'spyglass up needs root, to make network namespaces and load eBPF programs: run it with sudo',
    );
  }
  checkCapabilities(readFileSync('/proc/self/status', 'utf8'));
  checkKernel(release());
  if (!existsSync('/proc/sys/kernel/unprivileged_bpf_disabled')) {
    throw new NoDatapathError(
      'this kernel has no eBPF (CONFIG_BPF_SYSCALL), which the datapath is made of: use another kernel',
    );
  }
  if (!existsSync('/proc/net/if_inet6')) {
    throw new NoDatapathError(
      'IPv6 is switched off in this kernel, and pods have an address of it: boot without ipv6.disable=1',
    );
  }
  for (const [tool, debian] of Object.entries(TOOLS)) {
    if (!isOnPath(tool)) throw new Failure(`the program ${tool} is missing: install it (Debian package ${debian})`);
  }
}

/** Throws a Failure if this process, told by its /proc/PID/status, lacks a capability that is needed. */
export function checkCapabilities(status: string): void {
  const effective = BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const missing = Object.entries(CAPABILITIES).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return;
  throw new NoDatapathError(
    `this root lacks ${missing.map(([name]) => name).join(', ')}, which network namespaces, eBPF and pods take: run it outside of the container, or in a privileged one`,
  );
}

/** Throws a Failure if the version, such as `6.1.0-18-amd64`, is too old. */
export function checkKernel(version: string): void {
  const [major = 0, minor = 0] = version.split(/[.-]/).map(Number);
  if (major > LEAST_KERNEL[0] || (major === LEAST_KERNEL[0] && minor >= LEAST_KERNEL[1])) return;
  throw new NoDatapathError(
    `kernel ${version} is too old for the datapath: it needs ${LEAST_KERNEL.join('.')} or newer`,
  );
}

function checkFolder(folder: string): void {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) throw new Failure(`there is no folder ${folder}: name one with Kubernetes manifests`);
  if (!stat.isDirectory()) throw new Failure(`${folder} is no folder: name a folder with Kubernetes manifests`);
  if ((stat.mode & OTHERS_ENTER) !== OTHERS_ENTER) {
    throw new Failure(`pods run as nobody and could not read ${folder}, their working directory: chmod a+rx ${folder}`);
  }
}

function isOnPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Throws a Failure unless the port is free on 127.0.0.1; `option` is where another one is given. */
export async function checkPort(port: number, option: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host: '127.0.0.1', port, exclusive: true }, resolve);
    });
  } catch (error) {
    const why = hasCode(error, 'EADDRINUSE') ? 'another program listens there' : sentence(error);
    throw new Failure(`cannot use port ${port} on 127.0.0.1: ${why}; choose another with ${option}`, { cause: error });
  }
  await new Promise((resolve) => server.close(resolve));
}
