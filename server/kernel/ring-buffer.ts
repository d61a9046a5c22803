/**
 * The consumer side of a BPF ring buffer (kernel/bpf/ringbuf.c), mapped and read in place:
 *
 *   | consumer page | producer page | data pages | data pages again |
 *
 * The data is mapped twice in a row, so a record that wraps is still contiguous. Positions count bytes
 * and never wrap; a record is an 8-byte header (length with a busy and a discard bit, page offset) and
 * its bytes, rounded up to 8. Nothing here calls into native code after the mapping is made. The
 * producer does not wake us, so the owner polls.
 */
import type { RecordSink } from '../base/record-sink.ts';
import { KernelError } from './errors.ts';
import { type BpfMap, checkMapping } from './maps.ts';
import { check } from './errors.ts';
import { native, NULL, type Pointer, view } from './native.ts';

const PAGE = 4096;
const HEADER = 8;
const BUSY = 0x80000000 | 0;
const DISCARD = 0x40000000;
const LENGTH = 0x3fffffff;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Owns the mappings, not the map. */
export class RingBuffer implements Disposable {
  readonly #size: number;
  readonly #consumerPointer: Pointer;
  readonly #producerPointer: Pointer;
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;
  readonly #words: Int32Array;
  #position: number;
  #open = true;

  constructor(map: BpfMap) {
    this.#size = map.shape.maxEntries;
    const { libc } = native();
    this.#consumerPointer = libc.mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
    checkMapping('map the ring buffer, consumer page', this.#consumerPointer);
    this.#producerPointer = libc.mmap(NULL, PAGE + 2 * this.#size, PROT_READ, MAP_SHARED, map.fd, PAGE);
    checkMapping('map the ring buffer, data pages', this.#producerPointer);
    const consumer = view(this.#consumerPointer, PAGE);
    const producer = view(this.#producerPointer, PAGE + 2 * this.#size);
    this.#consumer = new BigUint64Array(consumer.buffer, consumer.byteOffset, 1);
    this.#producer = new BigUint64Array(producer.buffer, producer.byteOffset, 1);
    this.#words = new Int32Array(producer.buffer, producer.byteOffset + PAGE, (2 * this.#size) / 4);
    this.#position = Number(Atomics.load(this.#consumer, 0));
  }

  /** Bytes written and not yet drained. */
  get pending(): number {
    return Number(Atomics.load(this.#producer, 0)) - this.#position;
  }

  /** Bytes the ring holds. */
  get capacity(): number {
    return this.#size;
  }

  /**
   * Hands every committed record to `sink`, until the ring is empty, a record is still being written,
   * the sink has no room, or `limit` records were taken. @returns how many were taken.
   */
  drain(sink: RecordSink, limit: number): number {
    if (!this.#open) throw new KernelError('drain a ring buffer', 0, 'It has been unmapped');
    const words = this.#words;
    const mask = this.#size - 1;
    const end = Number(Atomics.load(this.#producer, 0));
    let position = this.#position;
    let taken = 0;
    while (position < end && taken < limit) {
      const word = (position & mask) >>> 2;
      // Acquire: the length is published after the bytes.
      const header = Atomics.load(words, word);
      if (header & BUSY) break;
      const length = header & LENGTH;
      if ((header & DISCARD) === 0) {
        if (!sink.take(words, word + HEADER / 4, length)) break;
        taken++;
      }
      position += (length + HEADER + 7) & ~7;
    }
    if (position !== this.#position) {
      this.#position = position;
      Atomics.store(this.#consumer, 0, BigInt(position));
    }
    return taken;
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    const { libc } = native();
    check('unmap the ring buffer', libc.munmap(this.#consumerPointer, PAGE));
    check('unmap the ring buffer', libc.munmap(this.#producerPointer, PAGE + 2 * this.#size));
  }
}
