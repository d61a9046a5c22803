/**
 * The built `spyglass` as a process, for tests: folders of manifests, a running `up` with what it prints,
 * and what it has left on the machine. Needs root and `npm run build`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cgroupMount } from '../../server/kernel/cgroup.ts';

const MAIN = fileURLToPath(new URL('../../dist/server/cli/main.js', import.meta.url));
/** Unlike the name anybody would use by hand, so tests do not meet a running demo. */
export const NODE = 'e2e';
export const STATE = `/run/spyglass/${NODE}`;
export const PINS = `/sys/fs/bpf/spyglass/${NODE}`;
const HISTORY = `/var/lib/spyglass/nodes/${NODE}`;

/** A temporary folder with the files; `[Symbol.dispose]` removes it. */
export function manifestFolder(
  files: Record<string, string>,
): Disposable & { path: string; write(name: string, text: string): void; remove(name: string): void } {
  const path = mkdtempSync(join(tmpdir(), 'spyglass-e2e-'));
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  // Pods run as nobody and have this folder as theirs.
  spawnSync('chmod', ['-R', 'a+rX', path]);
  const remove = (name: string): void => rmSync(join(path, name));
  return { path, write, remove, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Ended {
  code: number | null;
  output: string;
}

export class Up implements AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  output = '';
  #exited = false;

  /** `user`: number of the user and group to run as, instead of root. */
  constructor(args: string[], user?: number) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} does not exist: run npm run build first`);
    const as = user === undefined ? {} : { uid: user, gid: user };
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...as });
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => (this.output += part));
    }
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#exited = true;
        resolve({ code, output: this.output });
      });
    });
  }

  /** Waits until all of `text` has been printed; throws with all output if it ends or takes too long before. */
  async says(text: string, timeoutMs = 40_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!this.output.includes(text)) {
      if (this.#exited || Date.now() > end) throw new Error(`up has not said "${text}" but:\n${this.output}${logs()}`);
      await pause(20);
    }
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    process.kill(this.pid, signal);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#exited) await this.kill('SIGINT');
  }
}

/** Runs `spyglass` to its end. */
export function spyglass(...args: string[]): Promise<Ended> {
  return new Up(args).ended;
}

/** `up` on the tests' node, already serving. */
export async function running(folder: string, port: number): Promise<Up> {
  const up = new Up(['up', folder, '--node', NODE, '--port', String(port), '--grpc-port', '0']);
  await up.says('Ctrl-C stops');
  return up;
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `look` gives something, and returns it. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 20_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}${logs()}`);
    await pause(50);
  }
}

/** Everything of the tests' node that is on the machine now. */
export function traces(): string[] {
  const namespaces = list('/run/netns').filter((it) => it === `spyglass-${NODE}` || it.startsWith(`spyglass-${NODE}-`));
  const files = [STATE, PINS, HISTORY, `${STATE}.lock`].filter((it) => existsSync(it));
  const links = list('/sys/class/net').filter((it) => /^sg\d+$/.test(it));
  const groups = list(cgroupMount() ?? '').filter((it) => it === `spyglass-${NODE}`);
  return [...namespaces, ...files, ...links, ...groups];
}

/** `pid` and everything below it, as `pid start-time`, which no other process ever has. */
export function processTree(pid: number): string[] {
  const all = list('/proc').filter((it) => /^\d+$/.test(it));
  const stats = all.flatMap((it) => statOf(Number(it)) ?? []);
  const tree = new Set([pid]);
  // Children may have smaller numbers than their parents, so go on until nothing is added.
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const stat of stats) if (tree.has(stat.parent)) tree.add(stat.pid);
  }
  return stats.filter((it) => tree.has(it.pid)).map((it) => `${it.pid} ${it.started}`);
}

/** Which of the processes of a former processTree still run. */
export function stillRunning(tree: string[]): string[] {
  return tree.filter((it) => {
    const [pid, started] = it.split(' ');
    const stat = statOf(Number(pid));
    return stat !== undefined && stat.state !== 'Z' && stat.started === started;
  });
}

/** The process of this verb below `up`. */
export function childOf(up: Up, verb: 'agent' | 'hub'): number | undefined {
  return processTree(up.pid)
    .map((it) => Number(it.split(' ')[0]))
    .find((pid) => readIfAny(`/proc/${pid}/cmdline`).split('\0')[2] === verb);
}

/** What a pod's container has printed. */
export function podLog(namespace: string, podAndContainer: string): string {
  return readIfAny(join(STATE, 'logs', `${namespace}_${podAndContainer}.log`));
}

function statOf(pid: number): { pid: number; parent: number; state: string; started: string } | undefined {
  const fields = readIfAny(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  const [state, parent] = fields;
  return state === undefined || parent === undefined
    ? undefined
    : { pid, parent: Number(parent), state, started: fields[19] ?? '' };
}

function logs(): string {
  const folder = join(STATE, 'logs');
  return list(folder)
    .map((name) => `\n--- ${name}\n${readIfAny(join(folder, name)).slice(-600)}`)
    .join('');
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
