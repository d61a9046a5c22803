/** The store process as the hub sees it: started, started again with growing pauses when it ends, told about. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { Failure } from '../../../base/failure.ts';
import { THREADS } from './front.ts';
import { type StoreMessage, storeSocket } from './store-messages.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** One that ran this long starts again with the first pause. */
const STEADY_MS = 60_000;
/** The engine reads what it has of all partitions before it answers. */
const START_MS = 120_000;
const TAIL = 2000;

export interface StoreHealth {
  state: 'starting' | 'ready' | 'failing';
  /** Why it fails, one sentence; null if it does not. */
  problem: string | null;
}

/** Built by `npm run build:server`; also tests start it from there. */
function builtMain(): string {
  const here = fileURLToPath(new URL('main.js', import.meta.url));
  return here.includes('/dist/') ? here : here.replace('/server/', '/dist/server/');
}

/** Whether the engine is installed; it is not loaded. */
export function isChdbInstalled(): boolean {
  try {
    const require = createRequire(import.meta.url);
    const { tryResolveLibchdb } = require('chdb/libchdb') as { tryResolveLibchdb: () => object | undefined };
    return tryResolveLibchdb() !== undefined;
  } catch {
    return false;
  }
}

export class StoreProcess {
  readonly folder: string;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #changes = new EventEmitter();
  readonly #watching: Promise<void>;
  #health: StoreHealth = { state: 'starting', problem: null };
  #child: ChildProcess | null = null;

  /** Starts it; how that went is told by `health` and `started`. */
  constructor(folder: string, log: Logger) {
    this.folder = folder;
    this.#log = log;
    this.#watching = this.#watch();
  }

  get health(): StoreHealth {
    return this.#health;
  }

  /** Of the running process, null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves when it answers. Throws a Failure that says why it does not, if its start failed. */
  async started(): Promise<void> {
    while (this.#health.state === 'starting') await once(this.#changes, 'change');
    if (this.#health.state === 'failing') {
      throw new Failure(`History in ${this.folder} does not start: ${this.#health.problem}.`);
    }
  }

  /** Ends it for good. What was stored stays. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // What is stored is safe from this by design, and it may be too busy to hear of anything else.
    this.#child?.kill('SIGKILL');
    await this.#watching;
    if (this.#health.state !== 'failing') rmSync(storeSocket(this.folder), { force: true });
    this.#set({ state: 'failing', problem: 'it was stopped' });
  }

  async #watch(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ;) {
      const began = performance.now();
      const problem = await this.#run();
      if (this.#stopping.signal.aborted) return;
      this.#set({ state: 'failing', problem });
      if (performance.now() - began >= STEADY_MS) pause = FIRST_PAUSE_MS;
      await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One life of it. Returns why it ended. */
  async #run(): Promise<string> {
    const child = spawn(process.execPath, [builtMain(), this.folder], {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    const stderr = child.stderr as Readable;
    let said = '';
    let tail = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL);
    });
    const late = setTimeout(() => {
      said = `it does not answer within ${START_MS / 1000} s of its start`;
      child.kill('SIGKILL');
    }, START_MS);
    child.on('message', (message: StoreMessage) => {
      clearTimeout(late);
      if ('problem' in message) said = message.problem;
      else if (!this.#stopping.signal.aborted) this.#set({ state: 'ready', problem: null });
    });
    const lastWords = once(stderr, 'close');
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => {
        if (child.pid === undefined) resolve(`could not be started: ${error.message}`);
      });
      child.once('exit', (code, signal) => {
        resolve(code === null ? `was ended by ${signal}` : `ended with code ${code}`);
      });
    });
    // The event 'close', which would stand for both, does not come once we have closed the channel.
    const [how] = await Promise.all([ended, lastWords]);
    clearTimeout(late);
    this.#child = null;
    return said || `the store process ${how}${lastLine(tail)}`;
  }

  #set(health: StoreHealth): void {
    const isNews = health.state !== this.#health.state || health.problem !== this.#health.problem;
    this.#health = health;
    if (!isNews) return;
    if (this.#stopping.signal.aborted) this.#log.info({ folder: this.folder }, 'history is closed');
    else if (health.state === 'failing')
      this.#log.warn({ problem: health.problem }, 'history fails; it is started again');
    else this.#log.info({ folder: this.folder }, 'history is ready');
    this.#changes.emit('change');
  }
}

function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line.slice(0, 300)}`;
}
