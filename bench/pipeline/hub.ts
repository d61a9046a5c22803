/** The hub under test: a process of its own on a free port. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { ROOT } from '../lib/run.ts';

export interface Hub {
  child: ChildProcess;
  pid: number;
  /** `127.0.0.1:PORT` */
  address: string;
}

/** Starts `spyglass hub` pinned to a core and resolves once it listens. */
export async function startHub(core: number): Promise<Hub> {
  const args = ['-c', String(core), process.execPath, 'dist/server/cli/main.js', 'hub', '--listen', '127.0.0.1:0'];
  const child = spawn('taskset', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const address = await new Promise<string>((resolve, reject) => {
    let printed = '';
    const read = (text: string) => {
      printed += text;
      const found = /127\.0\.0\.1:([1-9]\d*)/.exec(printed);
      if (found) resolve(found[0]);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => reject(new Error(`The hub ended with status ${String(code)}: ${printed}`)));
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error('The hub has no process id.');
  return { child, pid: child.pid, address };
}
