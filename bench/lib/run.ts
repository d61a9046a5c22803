/** Commands of benchmarks: run one to its end, or start one that stays. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Repository root: this file runs from dist/bench/lib. */
export const ROOT = new URL('../../../', import.meta.url).pathname;

/**
 * Runs a command with `input` on its standard input and returns its standard output. Throws an Error with
 * the command and what it printed if it fails.
 */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const running = execute(command, args, { maxBuffer: 64 << 20, cwd: ROOT });
  // A command that fails before it has read everything says so with its exit status, not with EPIPE.
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input);
  const { stdout } = await running;
  return stdout;
}

/** Starts a command that stays and resolves once it has printed `line`; throws if it ends before. */
export async function start(command: string, args: readonly string[], line: string): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: ROOT });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (printed.includes(line)) child.emit('started');
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${command} ${args.join(' ')} ended with status ${String(code)} before it said "${line}".`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(child, 'started'), failed]);
  return child;
}

/** Ends a process started by `start` and waits until it is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}
