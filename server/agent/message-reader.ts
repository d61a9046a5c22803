/**
 * Reads captured payload from its ring into the table of connections, for at most MOST_SHARE of a core: what finds no time
 * stays in the ring, and what then finds no room there is counted by the kernel. So messages never cost flow events. Where
 * applications need all cores, it takes no more than LEAST_SHARE from them: reading yields before they have to.
 */
import { performance } from 'node:perf_hooks';
import type { RecordSink } from '../base/record-sink.ts';
import type { RingBuffer } from '../kernel/ring-buffer.ts';

/** Share of one core that reading messages may take: half of what is idle beyond SPARE_CORES, within these bounds. */
export const MOST_SHARE = 0.2;
export const LEAST_SHARE = 0.05;
/** Left to applications: with so little idle, two that wait for each other take all they can. */
const SPARE_CORES = 0.5;
/** Time between two looks at how much is idle. */
const LOOK_MS = 250;
const POLL_MS = 10;
/** Longest stretch without a turn for others. */
const TURN_MS = 5;
/** Time that was not used is kept, up to this. */
const MOST_MS = 100;
/** Captures between two looks at the clock. */
const STEP = 64;

export class MessageReader implements Disposable {
  readonly #ring: Pick<RingBuffer, 'drain'>;
  readonly #sink: RecordSink;
  readonly #now: () => number;
  readonly #idleCores: (nowMs: number) => number;
  #share = MOST_SHARE;
  #lookedMs: number;
  #timer: NodeJS.Timeout | undefined;
  #leftMs = TURN_MS;
  #lastMs: number;
  #usedMs = 0;

  /** `idleCores`: see IdleCores.since; `now`: a steady clock, ms. */
  constructor(
    ring: Pick<RingBuffer, 'drain'>,
    sink: RecordSink,
    idleCores: (nowMs: number) => number,
    now: () => number = () => performance.now(),
  ) {
    this.#ring = ring;
    this.#sink = sink;
    this.#idleCores = idleCores;
    this.#now = now;
    this.#lastMs = now();
    this.#lookedMs = this.#lastMs;
  }

  /** Share of one core that it may take now. */
  get share(): number {
    return this.#share;
  }

  /** Seconds spent so far. */
  get seconds(): number {
    return this.#usedMs / 1000;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.turn();
      this.start();
    }, POLL_MS);
  }

  /** Takes what is in the ring, as far as there is time. */
  turn(): void {
    const begin = this.#now();
    if (begin - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = begin;
      this.#share = Math.min(MOST_SHARE, Math.max(LEAST_SHARE, (this.#idleCores(begin) - SPARE_CORES) / 2));
    }
    this.#leftMs = Math.min(MOST_MS, this.#leftMs + (begin - this.#lastMs) * this.#share);
    this.#lastMs = begin;
    const limit = begin + Math.min(TURN_MS, this.#leftMs);
    let end = begin;
    while (end < limit) {
      const taken = this.#ring.drain(this.#sink, STEP);
      end = this.#now();
      if (taken < STEP) break;
    }
    this.#leftMs -= end - begin;
    this.#usedMs += end - begin;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
