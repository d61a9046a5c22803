/** Servers under test as processes of their own: the hub, or the sink in its place. */
import { spawn } from 'node:child_process';
import { ROOT, stop } from './run.ts';

export interface Server extends AsyncDisposable {
  pid: number;
  /** `127.0.0.1:PORT` */
  address: string;
}

/** Starts a script of dist pinned to a core and resolves once it has printed the address it listens on. */
async function startServer(core: number, script: string[]): Promise<Server> {
  const child = spawn('taskset', ['-c', String(core), process.execPath, ...script], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const found = /127\.0\.0\.1:\d+/.exec(printed);
      if (found) resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`${script.join(' ')} ended with status ${String(code)}.`)));
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error(`${script.join(' ')} has no process id.`);
  return { pid: child.pid, address, [Symbol.asyncDispose]: () => stop(child) };
}

/** `store` as in the hub's option. */
export async function startHub(core: number, store = 'memory'): Promise<Server> {
  const args = ['--listen', '127.0.0.1:0', '--grpc-listen', 'off', '--store', store];
  return startServer(core, ['dist/server/cli/main.js', 'hub', ...args]);
}

/** Takes records like a hub and keeps none; see sink.ts. */
export async function startSink(core: number): Promise<Server> {
  return startServer(core, ['dist/bench/pipeline/sink.js']);
}

/** Records a hub or a sink has received. */
export async function received({ address }: Server): Promise<number> {
  const response = await fetch(`http://${address}/api/v1/status`);
  const status = (await response.json()) as { flows: { received: number } };
  return status.flows.received;
}
