/**
 * Servers of others in a pod's namespace, from Debian's packages: each runs as nobody, with a temporary folder of its own,
 * and ends with the test's process, however that ends.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, type World } from '../world.ts';

const PREFIX = 'spyglass-peer-';
/** May take any port, as containers may. Set last, as a change of user clears it: it dies with its parent. */
const AS_NOBODY =
  'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service --pdeathsig=KILL --'.split(
    ' ',
  );
/** Whatever processes it starts end with it, and it with us. */
const IN_ITS_PIDS = 'setpriv --pdeathsig=KILL -- unshare --pid --fork --kill-child=KILL --'.split(' ');

export class PeerServer implements AsyncDisposable {
  readonly world: World;
  readonly pod: string;
  /** Its own, writable for nobody, removed in the end. */
  readonly folder: string;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(world: World, pod: string) {
    removeLeftovers();
    this.world = world;
    this.pod = pod;
    this.folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    chmodSync(this.folder, 0o777);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What it wrote into a file of its folder, '' before it did. */
  read(name: string): string {
    try {
      return readFileSync(this.path(name), 'utf8');
    } catch {
      return '';
    }
  }

  /** Runs a program to its end, as nobody in the pod, in the folder. @returns its output. */
  run(argv: string[], input = ''): string {
    const [program = '', ...args] = this.world.inside(this.pod, [...AS_NOBODY, ...argv]);
    return execFileSync(program, args, { cwd: this.folder, encoding: 'utf8', input, stdio: 'pipe' });
  }

  /** Starts the server and waits until it listens on the TCP port. @throws Error with its output if it ends before. */
  async start(argv: string[], port: number): Promise<void> {
    const [program = '', ...args] = this.world.inside(this.pod, [...IN_ITS_PIDS, ...AS_NOBODY, ...argv]);
    const child = spawn(program, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    await until(`${argv.join(' ')} listens on ${port}`, () => {
      if (child.exitCode !== null) throw new Error(`${argv.join(' ')} has ended: ${this.#output.slice(-2000)}`);
      return isListening(this.world.exec(this.pod, 'cat', '/proc/net/tcp', '/proc/net/tcp6'), port);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Folders of runs that were killed. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^spyglass-peer-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** Whether a socket in state LISTEN (0A) has the port; proc(5), /proc/net/tcp. */
function isListening(table: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').some((line) => new RegExp(`^\\s*\\d+: \\w+:${hex} \\w+:0000 0A `).test(line));
}
