/** A map in memory, for tests of the reconcilers. */
import type { MapWriter } from '../map-writer.ts';

/** Notes in `journal`, which several maps share, in which order they were changed. */
export class MemoryMap implements MapWriter {
  readonly contents = new Map<string, Buffer>();
  /** The next change is refused. */
  failNext = false;
  readonly #name: string;
  readonly #journal: string[];

  constructor(name: string, journal: string[]) {
    this.#name = name;
    this.#journal = journal;
  }

  setMany(keys: Buffer, values: Buffer, count: number): void {
    this.#mayFail();
    const [k, v] = [keys.length / count, values.length / count];
    for (let i = 0; i < count; i++) {
      this.contents.set(keys.toString('hex', i * k, (i + 1) * k), Buffer.from(values.subarray(i * v, (i + 1) * v)));
    }
    this.#journal.push(`set ${this.#name}`);
  }

  deleteMany(keys: Buffer, count: number): void {
    this.#mayFail();
    const k = keys.length / count;
    for (let i = 0; i < count; i++) this.contents.delete(keys.toString('hex', i * k, (i + 1) * k));
    this.#journal.push(`delete ${this.#name}`);
  }

  #mayFail(): void {
    if (!this.failNext) return;
    this.failNext = false;
    throw new Error(`cannot write to map ${this.#name}`);
  }

  *entries(): Generator<[Buffer, Buffer]> {
    for (const [key, value] of this.contents) yield [Buffer.from(key, 'hex'), value];
  }
}
