/** Small eBPF programs for tests, compiled when a test needs them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from '../../server/kernel/errors.ts';
import { native } from '../../server/kernel/native.ts';

/** Compiles programs/NAME.bpf.c. @returns the object's path. */
export function compile(name: string): string {
  const object = join(mkdtempSync(join(tmpdir(), 'spyglass-program-')), `${name}.bpf.o`);
  const source = join(import.meta.dirname, 'programs', `${name}.bpf.c`);
  const headers = `/usr/include/${execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()}-linux-gnu`;
  execFileSync('clang', ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-I', headers, '-c', source, '-o', object]);
  return object;
}

/** Runs a tc program `times` times on an empty packet (BPF_PROG_TEST_RUN). */
export function runProgram(fd: number, times: number): void {
  const packet = Buffer.alloc(64);
  const options = Buffer.alloc(80); // struct bpf_test_run_opts
  options.writeBigUInt64LE(BigInt(options.length), 0);
  options.writeBigUInt64LE(BigInt(addressOf(packet)), 8); // data_in
  options.writeUInt32LE(packet.length, 24); // data_size_in
  options.writeInt32LE(times, 60); // repeat
  check('run a program', native().libbpf.bpf_prog_test_run_opts(fd, options));
}

function addressOf(buffer: Buffer): string {
  return `0x${(buffer as Buffer & { hexAddress(): string }).hexAddress().replace(/^0x/, '')}`;
}
