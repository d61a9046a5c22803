/** How much of this machine's time nobody uses: what work that can wait may take. */
import { closeSync, openSync, readSync } from 'node:fs';

/** USER_HZ: fixed at 100 on every architecture Linux runs Node.js on. */
const TICKS = 100;
/** `cpu  user nice system idle iowait …`: the first line of /proc/stat, proc(5). */
const LINE = /^cpu +\d+ \d+ \d+ (\d+) (\d+)/;
const LONGEST_LINE = 256;

export class IdleCores implements Disposable {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(LONGEST_LINE);
  #ticks: number;
  #atMs: number;

  /** `path`: in tests, a file like /proc/stat; `nowMs`: any steady clock. @throws Error if it cannot be opened. */
  constructor(nowMs: number, path = '/proc/stat') {
    this.#file = openSync(path, 'r');
    this.#ticks = this.#read();
    this.#atMs = nowMs;
  }

  /** Cores that were idle since the last call, on average; 0.3 is a third of one. */
  since(nowMs: number): number {
    const ticks = this.#read();
    const seconds = (nowMs - this.#atMs) / 1000;
    const idle = seconds > 0 ? (ticks - this.#ticks) / TICKS / seconds : 0;
    this.#ticks = ticks;
    this.#atMs = nowMs;
    return Math.max(0, idle);
  }

  #read(): number {
    const bytes = readSync(this.#file, this.#buffer, 0, LONGEST_LINE, 0);
    const [, idle, waiting] = LINE.exec(this.#buffer.toString('latin1', 0, bytes)) ?? [];
    return Number(idle ?? 0) + Number(waiting ?? 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
