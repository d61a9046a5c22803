/**
 * One child process in a session of its own, so that Ctrl-C at the terminal reaches only us and we end
 * the others in order. Output goes to a log file; the process is on record while it lives.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { forgetProcess, recordProcess, signalGroup } from './process-ledger.ts';

const TAIL_BYTES = 4096;
const MAX_LOG_BYTES = 8 * 1024 * 1024;

export interface ChildOptions {
  argv: readonly string[];
  env: Record<string, string | undefined>;
  log: string;
  stateFolder: string;
  /** Keeps its standard input open as long as we live: it ends when that closes. */
  tied?: boolean;
  /** Opens a message channel to the child. */
  ipc?: boolean;
}

export interface Child {
  process: ChildProcess;
  /** Settles when it has ended: how, in words, and its exit code (null if a signal ended it). Never rejects. */
  ended: Promise<{ words: string; code: number | null }>;
  /** Asks it to end, and after `graceMs` does not ask any more. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

/** Starts it. A program that cannot be started is one that has ended. */
export function startChild({ argv, env, log, stateFolder, tied, ipc }: ChildOptions): Child {
  const [command = '', ...args] = argv;
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a', 0o640);
  const child = spawn(command, args, {
    env,
    detached: true,
    stdio: [tied === true ? 'pipe' : 'ignore', output, output, ...(ipc === true ? (['ipc'] as const) : [])],
  });
  closeSync(output);
  const { pid } = child;
  if (pid !== undefined) recordProcess(stateFolder, pid);
  const ended = new Promise<{ words: string; code: number | null }>((resolve) => {
    // Later errors are of its channel, when it ends while we speak to it: 'exit' tells of that.
    child.on('error', (error) => {
      if (pid === undefined) resolve({ words: `could not be started: ${error.message}`, code: null });
    });
    child.once('exit', (code, signal) => {
      if (pid !== undefined) forgetProcess(stateFolder, pid);
      resolve({ words: code === null ? `was ended by ${signal}` : `ended with code ${code}`, code });
    });
  });
  return {
    process: child,
    ended,
    async stop(graceMs) {
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The last line of a log file that is not blank, shortened; '' if there is none. Of a JSON line, its message. */
export function lastLine(log: string): string {
  const file = openSync(log, 'a+');
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return messageOf(buffer.toString('utf8').trimEnd().split('\n').at(-1)?.trim() ?? '').slice(0, 300);
  } finally {
    closeSync(file);
  }
}

function messageOf(line: string): string {
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown };
    return typeof msg === 'string' ? msg : line;
  } catch {
    // Our own processes begin their last words with the command's name.
    return line.replace(/^spyglass: /, '');
  }
}

/** Keeps a log from filling the memory it lies in: beyond 8 MiB it moves to `.1` and begins anew. */
export function rotateLog(log: string): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return;
  // Its writers append, so they go on at the start of the emptied file.
  copyFileSync(log, `${log}.1`);
  truncateSync(log);
}
