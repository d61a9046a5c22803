/**
 * Maps by file descriptor. Everything that touches many entries is a batch call: one crossing into
 * native code for thousands of entries.
 */
import { closeSync } from 'node:fs';
import { check, ERRNO, KernelError } from './errors.ts';
import { checkPointer, native, NULL, type Pointer, view } from './native.ts';
import { uint32 } from '../wire/struct.ts';

const BPF_ANY = 0;
/** Entries moved per batch call. */
const BATCH = 4096;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

export interface MapShape {
  readonly name: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value; of a per-CPU map, of one CPU's value. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Copies of a value: possible CPUs of a per-CPU map, else 1. */
  readonly copies: number;
}

/** How many CPUs a per-CPU value has copies for. */
export function possibleCpus(): number {
  return check('count the possible CPUs', native().libbpf.libbpf_num_possible_cpus());
}

/** An open map. Owns its descriptor. */
export class BpfMap implements Disposable {
  readonly shape: MapShape;
  /** Bytes of a value as the kernel copies it: per-CPU values are rounded up to 8 and side by side. */
  readonly stride: number;
  #fd: number;

  constructor(fd: number, shape: MapShape) {
    this.#fd = fd;
    this.shape = shape;
    this.stride = shape.copies === 1 ? shape.valueSize : Math.ceil(shape.valueSize / 8) * 8 * shape.copies;
  }

  get fd(): number {
    if (this.#fd < 0) throw new KernelError(`use map ${this.shape.name}`, 0, 'It has been closed');
    return this.#fd;
  }

  /** @returns the value, or undefined if the key is not in the map. */
  get(key: Buffer): Buffer | undefined {
    const value = Buffer.alloc(this.stride);
    const code = native().libbpf.bpf_map_lookup_elem(this.fd, key, value);
    if (code === -ERRNO.ENOENT) return undefined;
    check(`look up in map ${this.shape.name}`, code);
    return value;
  }

  set(key: Buffer, value: Buffer): void {
    check(`write to map ${this.shape.name}`, native().libbpf.bpf_map_update_elem(this.fd, key, value, BPF_ANY));
  }

  /** @returns whether the key was in the map. */
  delete(key: Buffer): boolean {
    const code = native().libbpf.bpf_map_delete_elem(this.fd, key);
    if (code === -ERRNO.ENOENT) return false;
    check(`delete from map ${this.shape.name}`, code);
    return true;
  }

  /** Writes `count` entries: keys and values stand back to back in the two buffers. */
  setMany(keys: Buffer, values: Buffer, count: number): void {
    const { keySize } = this.shape;
    for (let from = 0; from < count; from += BATCH) {
      const n = Math.min(BATCH, count - from);
      const counter = uint32(n);
      const code = native().libbpf.bpf_map_update_batch(
        this.fd,
        keys.subarray(from * keySize, (from + n) * keySize),
        values.subarray(from * this.stride, (from + n) * this.stride),
        counter,
        NULL,
      );
      check(`write ${n} entries to map ${this.shape.name}`, code, fullAdvice(code, this.shape));
    }
  }

  /** Deletes `count` keys that stand back to back; a key that is not there is no error. */
  deleteMany(keys: Buffer, count: number): void {
    const { keySize } = this.shape;
    let from = 0;
    while (from < count) {
      const n = Math.min(BATCH, count - from);
      const counter = uint32(n);
      const code = native().libbpf.bpf_map_delete_batch(
        this.fd,
        keys.subarray(from * keySize, (from + n) * keySize),
        counter,
        NULL,
      );
      if (code === -ERRNO.ENOENT) from += counter.readUInt32LE(0) + 1;
      else {
        check(`delete ${n} entries from map ${this.shape.name}`, code);
        from += n;
      }
    }
  }

  /** Every entry, copied. Entries changed meanwhile may be missing or seen in either state. */
  *entries(): Generator<[key: Buffer, value: Buffer]> {
    const { keySize } = this.shape;
    for (const { keys, values, count } of this.batches()) {
      for (let i = 0; i < count; i++) {
        yield [
          Buffer.from(keys.subarray(i * keySize, (i + 1) * keySize)),
          Buffer.from(values.subarray(i * this.stride, (i + 1) * this.stride)),
        ];
      }
    }
  }

  /** How many entries there are; of an array map, how many there can be. */
  count(): number {
    let sum = 0;
    for (const { count } of this.batches()) sum += count;
    return sum;
  }

  /** The values of an array map from index 0 to `count`, back to back in `into`, which is returned. */
  readArray(count: number, into: Buffer): Buffer {
    let done = 0;
    for (const { values, count: n } of this.batches(count)) {
      const take = Math.min(n, count - done);
      values.copy(into, done * this.stride, 0, take * this.stride);
      done += take;
    }
    if (done < count) throw new KernelError(`read ${count} values of map ${this.shape.name}, got ${done}`, 0);
    return into;
  }

  /**
   * Entries a batch at a time, at most `limit`: keys and values back to back, in buffers that the next batch
   * overwrites. May be walked over any length of time.
   */
  *batches(limit = Number.POSITIVE_INFINITY): Generator<Batch> {
    const size = Math.min(BATCH, limit, Math.max(this.shape.maxEntries, 1));
    const keys = Buffer.alloc(size * this.shape.keySize);
    const values = Buffer.alloc(size * this.stride);
    // Hash maps keep a bucket number here, others a key.
    const position = Buffer.alloc(Math.max(this.shape.keySize, 8));
    let started = false;
    let seen = 0;
    for (;;) {
      const counter = uint32(Math.min(size, Math.max(limit - seen, 1)));
      const code = native().libbpf.bpf_map_lookup_batch(
        this.fd,
        started ? position : NULL,
        position,
        keys,
        values,
        counter,
        NULL,
      );
      const end = code === -ERRNO.ENOENT;
      if (!end) check(`read map ${this.shape.name}`, code);
      const count = counter.readUInt32LE(0);
      if (count > 0) yield { keys, values, count };
      seen += count;
      if (end || seen >= limit) return;
      started = true;
    }
  }

  /**
   * Maps an array map made with BPF_F_MMAPABLE. The result is the kernel's own memory: valid until
   * `dispose` of the returned object, not a moment longer.
   */
  mapMemory(): MappedArray {
    const bytes = this.shape.maxEntries * Math.ceil(this.shape.valueSize / 8) * 8;
    const pointer = native().libc.mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, this.fd, 0);
    return new MappedArray(this.shape.name, pointer, bytes);
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

export interface Batch {
  keys: Buffer;
  values: Buffer;
  count: number;
}

/** An array map of u64 values in this process's memory. Owns the mapping. */
export class MappedArray implements Disposable {
  readonly #pointer: Pointer;
  readonly #bytes: number;
  #values: BigUint64Array | undefined;

  constructor(name: string, pointer: Pointer, bytes: number) {
    checkMapping(`map ${name} into memory`, pointer);
    this.#pointer = pointer;
    this.#bytes = bytes;
    const memory = view(pointer, bytes);
    this.#values = new BigUint64Array(memory.buffer, memory.byteOffset, bytes / 8);
  }

  get values(): BigUint64Array {
    if (this.#values === undefined) throw new KernelError('use a mapped array', 0, 'It has been unmapped');
    return this.#values;
  }

  [Symbol.dispose](): void {
    if (this.#values === undefined) return;
    this.#values = undefined;
    check('unmap an array map', native().libc.munmap(this.#pointer, this.#bytes));
  }
}

/** mmap reports failure as address -1, which is no NULL. */
export function checkMapping(step: string, pointer: Pointer): void {
  checkPointer(step, pointer);
  const address = pointer as Pointer & { hexAddress(): string };
  if (/^(0x)?f{16}$/i.test(address.hexAddress())) throw new KernelError(step, ERRNO.EINVAL);
}

function fullAdvice(code: number, shape: MapShape): string {
  return code === -ERRNO.E2BIG ? `The map holds at most ${shape.maxEntries} entries` : '';
}
