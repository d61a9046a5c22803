/** Small eBPF programs for tests, compiled when a test needs them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Compiles programs/NAME.bpf.c. @returns the object's path. */
export function compile(name: string): string {
  const object = join(mkdtempSync(join(tmpdir(), 'spyglass-program-')), `${name}.bpf.o`);
  const source = join(import.meta.dirname, 'programs', `${name}.bpf.c`);
  const headers = `/usr/include/${execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()}-linux-gnu`;
  execFileSync('clang', ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-I', headers, '-c', source, '-o', object]);
  return object;
}
