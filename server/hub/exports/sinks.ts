/** Where exported flows go. A sink takes a delivery wholly, or tries for as long as it may be taken later. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentence } from '../../base/failure.ts';
import type { FileTarget, OtlpTarget } from '../../wire/exports.ts';
import { deliver, type Delivery } from './otlp-client.ts';
import { type ExportedFlow, logsRequest } from './otlp-logs.ts';
import { RotatingFile } from './rotating-file.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface Sink {
  /** Resolves when nothing more can be done for these flows; rejects when `signal` is aborted. */
  deliver(flows: readonly ExportedFlow[], onRetry: (problem: string) => void, signal: AbortSignal): Promise<Delivery>;
  /** Bytes of the file, null where there is none: what is behind them is not known to have been delivered. */
  readonly size: number | null;
  close(): Promise<void>;
}

export class FileSink implements Sink {
  readonly #folder: string;
  readonly #target: FileTarget;
  #file: RotatingFile | null = null;
  #size: number | null;

  /** `size` as a former run knew it, null for none. */
  constructor(folder: string, target: FileTarget, size: number | null) {
    this.#folder = folder;
    this.#target = target;
    this.#size = size;
  }

  get size(): number | null {
    return this.#file?.size ?? this.#size;
  }

  async deliver(
    flows: readonly ExportedFlow[],
    onRetry: (problem: string) => void,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const lines = flows.map(({ line }) => `${JSON.stringify(line)}\n`).join('');
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      try {
        this.#file ??= await RotatingFile.open(this.#folder, this.#target, this.#size);
        await this.#file.write(lines);
        return { refused: 0, problem: null };
      } catch (error) {
        onRetry(`the file cannot be written: ${sentence(error)}`);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  async close(): Promise<void> {
    this.#size = this.size;
    await this.#file?.close();
    this.#file = null;
  }
}

export class OtlpSink implements Sink {
  readonly size = null;
  readonly #target: OtlpTarget;
  readonly #version: string;

  constructor(target: OtlpTarget, version: string) {
    this.#target = target;
    this.#version = version;
  }

  deliver(flows: readonly ExportedFlow[], onRetry: (problem: string) => void, signal: AbortSignal): Promise<Delivery> {
    return deliver(this.#target.endpoint, logsRequest(flows, this.#version), onRetry, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
