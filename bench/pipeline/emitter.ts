/** Writes records into an agent's ring buffer, by running emit.bpf.c against the maps the agent pinned. */
import { mkdtemp, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BpfObject } from '../../server/kernel/bpf-object.ts';
import { check } from '../../server/kernel/errors.ts';
import { native } from '../../server/kernel/native.ts';
import { ROOT, run } from '../lib/run.ts';

/** As in emit.bpf.c. */
const RECORDS_PER_RUN = 256;
/** A turn of the pacing loop. */
const TURN_MS = 2;

/** struct bpf_test_run_opts of libbpf: its size at 0, the program's return value at RETVAL. */
const OPTIONS_SIZE = 80;
const RETVAL = 56;

/** Debian keeps the kernel's own headers (asm/types.h) in a folder per architecture. */
const HEADERS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

export class Emitter implements Disposable {
  readonly #object: BpfObject;
  readonly #program: number;
  readonly #options = Buffer.alloc(OPTIONS_SIZE);

  private constructor(object: BpfObject) {
    this.#object = object;
    this.#program = object.programFd('emit');
    this.#options.writeBigUInt64LE(BigInt(OPTIONS_SIZE), 0);
  }

  /** Compiles the program and loads it with the maps pinned under `pins`. */
  static async load(pins: string): Promise<Emitter> {
    const folder = await mkdtemp(join(tmpdir(), 'sgbench-'));
    try {
      const object = join(folder, 'emit.bpf.o');
      const include = [
        join(ROOT, 'bpf/include'),
        join(ROOT, 'bpf/lib'),
        `/usr/include/${HEADERS[arch() as keyof typeof HEADERS]}`,
      ];
      const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Wno-unused-function'];
      const search = include.flatMap((path) => ['-I', path]);
      await run('clang', [...flags, ...search, '-c', join(ROOT, 'bench/pipeline/emit.bpf.c'), '-o', object]);
      return new Emitter(new BpfObject(object, { pinDirectory: join(pins, 'maps') }));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** One run. Returns how many records the ring had room for; what it had none for counts as lost in the kernel. */
  #run(): number {
    check('run the emitter', native().libbpf.bpf_prog_test_run_opts(this.#program, this.#options));
    return this.#options.readUInt32LE(RETVAL);
  }

  /** Writes `rate` records a second for `seconds`, evenly. Returns how many it tried to write. */
  async pace(rate: number, seconds: number): Promise<number> {
    const begin = performance.now();
    let tried = 0;
    for (;;) {
      const elapsed = Math.min((performance.now() - begin) / 1000, seconds);
      while (tried < elapsed * rate) {
        this.#run();
        tried += RECORDS_PER_RUN;
      }
      if (elapsed >= seconds) return tried;
      await sleep(TURN_MS);
    }
  }

  /** Keeps the ring full for `seconds`. Returns how many records were written. */
  async flood(seconds: number): Promise<number> {
    const end = performance.now() + seconds * 1000;
    let written = 0;
    while (performance.now() < end) {
      let got = RECORDS_PER_RUN;
      while (got === RECORDS_PER_RUN) {
        got = this.#run();
        written += got;
      }
      // The ring is full, for some tens of thousands of records: leave the core to the others for a moment.
      await sleep(TURN_MS);
    }
    return written;
  }

  [Symbol.dispose](): void {
    this.#object[Symbol.dispose]();
  }
}
