/** How the writing of history goes, for status, metrics and log. */
import type { Logger } from 'pino';
import { Failure, sentence } from '../../base/failure.ts';

/** What is given up is logged so often at most: it may be many blocks a second. */
const TELL_MS = 10_000;

/** Why flows are not stored: no room while the store failed or was slow, refused by it, or the hub stopped. */
export const NOT_STORED = ['backlog', 'refused', 'stopped'] as const;
export type NotStoredCause = (typeof NOT_STORED)[number];

export class InsertStats {
  state: 'starting' | 'ready' | 'failing' = 'starting';
  /** Why it fails, one sentence. */
  problem: string | null = null;
  /** Flows stored, and bytes of all rows as they were sent. */
  rows = 0;
  bytes = 0;
  /** Inserts that succeeded, and their time; and tries that failed. */
  inserts = 0;
  seconds = 0;
  failures = 0;
  /** Flows. */
  readonly notStored: Record<NotStoredCause, number> = { backlog: 0, refused: 0, stopped: 0 };
  /** Unix ns of the newest stored flow, 0 for none. */
  storedUntil = 0;
  readonly #log: Logger;
  #told = -TELL_MS;

  constructor(log: Logger) {
    this.#log = log;
  }

  works(): void {
    if (this.state === 'failing') this.#log.info('history is written again');
    this.state = 'ready';
    this.problem = null;
  }

  failed(error: unknown): void {
    const problem = sentence(error);
    if (this.state !== 'failing' || this.problem !== problem) {
      // What is no Failure is a fault of the hub.
      if (error instanceof Failure) this.#log.warn(`History is not written: ${problem}`);
      else this.#log.error({ err: error }, 'history cannot be written');
    }
    this.state = 'failing';
    this.problem = problem;
    this.failures += 1;
  }

  inserted(bytes: number, seconds: number): void {
    this.bytes += bytes;
    this.seconds += seconds;
    this.inserts += 1;
  }

  gaveUp(flows: number, cause: NotStoredCause): void {
    this.notStored[cause] += flows;
    const now = performance.now();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    this.#log.warn({ not_stored: this.notStored }, 'flows are given up: they will not be in history');
  }
}
