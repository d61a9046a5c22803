/** Other programs, run to their end: iproute2 does what netlink would need a library for. */
import { spawn } from 'node:child_process';
import { Failure } from '../base/failure.ts';

const MAX_OUTPUT = 4 * 1024 * 1024;
const TIMEOUT_MS = 20_000;

/**
 * Runs a program and gives its standard output. Throws a Failure with the program's own words if it
 * cannot be started, exits with another code than 0, prints more than 4 MiB or takes over 20 s.
 */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  let output = '';
  let words = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part;
    if (output.length > MAX_OUTPUT) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    if (words.length < MAX_OUTPUT) words += part;
  });
  // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = await new Promise<{ code: number | null; error?: Error }>((resolve) => {
    child.on('error', (error) => resolve({ code: null, error }));
    child.on('close', (code) => resolve({ code }));
  });
  if (ended.code === 0) return output;
  const why =
    ended.error?.message ?? (words.trim().replaceAll(/\s*\n\s*/g, '; ') || `it ended with code ${ended.code}`);
  const shown = [command, ...args].join(' ').replaceAll(/\s*\n\s*/g, '; ');
  throw new Failure(`${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown} failed: ${why}`, { cause: ended.error });
}
