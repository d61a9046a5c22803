/** One export at work: takes flows, delivers them, notes how far it came. */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { sentence } from '../../base/failure.ts';
import type { Export } from '../../wire/exports.ts';
import type { HubState } from '../hub-state.ts';
import { selectionOf } from './export-request.ts';
import { FlowTail } from './flow-tail.ts';
import { FileSink, OtlpSink, type Sink } from './sinks.ts';
import type { ExportFiles, StoredExport } from './stored-export.ts';

/** Waits so long after new flows, so that one delivery carries many. */
const GATHER_MS = 200;
const SAVE_MS = 1000;

export class ExportJob {
  readonly #stored: StoredExport;
  readonly #state: HubState;
  readonly #files: ExportFiles;
  readonly #log: Logger;
  readonly #tail: FlowTail;
  readonly #sink: Sink;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #problem: string | null = null;
  #isRetrying = false;
  #savedAt = 0;
  #savedSize = 0;

  /** Begins at once. `isNew`: it has not run before. Throws a Problem if its filter or fields are none. */
  constructor(
    stored: StoredExport,
    isNew: boolean,
    options: { state: HubState; folder: string; files: ExportFiles; log: Logger },
  ) {
    const { state, folder, files, log } = options;
    this.#stored = stored;
    this.#state = state;
    this.#files = files;
    this.#log = log.child({ export: stored.id });
    const { target } = stored.request;
    this.#tail = new FlowTail(state, selectionOf(stored.request), stored.created, isNew ? null : stored.positions);
    this.#sink =
      target.type === 'file' ? new FileSink(folder, target, stored.file_bytes) : new OtlpSink(target, state.version);
    this.#running = this.#run();
  }

  get status(): Export {
    const { id, created, request, exported, lost } = this.#stored;
    const state = this.#isRetrying ? 'retrying' : 'running';
    return {
      id,
      created,
      ...request,
      state,
      problem: this.#problem,
      exported,
      lost: { ...lost },
      waiting: this.#tail.waiting,
    };
  }

  /** Resolves when it has ended; what is being delivered is broken off and comes again in the next run. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted) {
        if (this.#tail.waiting === 0) {
          await this.#state.newFlows.wait(signal);
          await delay(GATHER_MS, undefined, { signal });
        }
        await this.#step(signal);
        await nextTurn();
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#problem = `the hub failed to export: ${sentence(error)}`;
        this.#log.error({ err: error }, 'an export ended');
      }
    }
    await this.#sink.close().catch(() => undefined);
    this.#save();
  }

  async #step(signal: AbortSignal): Promise<void> {
    const flows = this.#tail.take();
    this.#stored.lost.overwritten += this.#tail.takeMissed();
    if (flows.length > 0) {
      const { refused, problem } = await this.#sink.deliver(flows, (why) => this.#retries(why), signal);
      this.#stored.exported += flows.length - refused;
      this.#stored.lost.refused += refused;
      if (problem !== null && problem !== this.#problem) this.#log.warn(problem);
      this.#problem = problem;
      this.#isRetrying = false;
    }
    this.#tail.commit();
    // A file that became smaller was put aside: its former size must not be taken for that of the new one.
    const isNewFile = (this.#sink.size ?? 0) < this.#savedSize;
    if (isNewFile || Date.now() - this.#savedAt >= SAVE_MS) this.#save();
  }

  #retries(problem: string): void {
    if (problem !== this.#problem) this.#log.warn(problem);
    this.#problem = problem;
    this.#isRetrying = true;
  }

  #save(): void {
    this.#stored.positions = this.#tail.positions;
    this.#stored.file_bytes = this.#sink.size;
    this.#savedAt = Date.now();
    this.#savedSize = this.#sink.size ?? 0;
    try {
      this.#files.write(this.#stored);
    } catch (error) {
      this.#log.warn(
        { err: error },
        'the place of an export could not be noted; after a restart some flows may come twice',
      );
    }
  }
}
