/** Requests that wait for their answers, in the order in which they were sent. */
import { MAX_PENDING } from './parser.ts';

/** Bytes that the requests of one connection may take: half of what its parser may keep. */
const MAX_BYTES = 32 * 1024;
/** What a request takes beside its texts, bytes. */
const ENTRY_BYTES = 96;

export class PendingQueue<T> {
  #entries: T[] = [];
  #costs: number[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there was room; `textLength` are the characters of the texts it holds. */
  push(entry: T, textLength: number): boolean {
    const cost = ENTRY_BYTES + textLength;
    if (this.length >= MAX_PENDING || this.#bytes + cost > MAX_BYTES) return false;
    this.#entries.push(entry);
    this.#costs.push(cost);
    this.#bytes += cost;
    return true;
  }

  /** The oldest, undefined if there is none. */
  first(): T | undefined {
    return this.#entries[this.#head];
  }

  /** Oldest first. */
  entries(): T[] {
    return this.#entries.slice(this.#head);
  }

  shift(): T | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#bytes -= this.#costs[this.#head] ?? 0;
    this.#head += 1;
    if (this.#head === this.#entries.length) this.clear();
    else if (this.#head >= MAX_PENDING) {
      this.#entries = this.#entries.slice(this.#head);
      this.#costs = this.#costs.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#costs.length = 0;
    this.#head = 0;
    this.#bytes = 0;
  }
}
