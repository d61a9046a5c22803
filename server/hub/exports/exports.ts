/** All exports of a hub. Only files below one folder, and only endpoints that the hub was started with. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { Failure, sentence } from '../../base/failure.ts';
import type { Export } from '../../wire/exports.ts';
import type { HubState } from '../hub-state.ts';
import { Problem } from '../http/problem.ts';
import { ExportJob } from './export-job.ts';
import { type ExportRequest, readExportRequest, selectionOf } from './export-request.ts';
import { backupPattern } from './rotating-file.ts';
import { ExportFiles } from './stored-export.ts';

const MAX_EXPORTS = 32;

export interface ExportOptions {
  /** Where files go, and what is known of each export. */
  folder: string;
  /** URLs that exports may send to. */
  endpoints: readonly string[];
}

export class Exports {
  readonly #state: HubState;
  readonly #options: ExportOptions;
  readonly #log: Logger;
  readonly #files: ExportFiles;
  readonly #jobs = new Map<string, ExportJob>();

  /** Goes on with the exports of a former run. Throws a Failure if the folder cannot be used. */
  constructor(state: HubState, options: ExportOptions, log: Logger) {
    this.#state = state;
    this.#options = options;
    this.#log = log;
    try {
      this.#files = new ExportFiles(options.folder);
      const bad = (name: string, why: string): void =>
        log.error({ file: name, why }, 'no export can be read from a file');
      for (const stored of this.#files.read(bad)) this.#resume(stored);
    } catch (error) {
      throw new Failure(`the export folder ${options.folder} cannot be used: ${sentence(error)}`, { cause: error });
    }
  }

  get list(): Export[] {
    return Array.from(this.#jobs.values(), (it) => it.status);
  }

  /** Throws a Problem if there is none. */
  get(id: string): Export {
    const job = this.#jobs.get(id);
    if (job === undefined) throw noExport(id);
    return job.status;
  }

  /** Begins an export. Throws a Problem that says why not. */
  create(body: unknown): Export {
    const request = readExportRequest(body);
    selectionOf(request);
    this.#check(request);
    const stored = {
      version: 1 as const,
      id: randomBytes(8).toString('hex'),
      created: new Date().toISOString(),
      request,
      exported: 0,
      lost: { overwritten: 0, refused: 0 },
      positions: {},
      file_bytes: null,
    };
    try {
      this.#files.write(stored);
    } catch (error) {
      throw new Problem(503, `The export cannot be noted in the export folder: ${sentence(error)}.`);
    }
    const job = this.#job(stored, true);
    return job.status;
  }

  /** Ends an export; files it wrote stay. Throws a Problem if there is none. */
  async remove(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    if (job === undefined) throw noExport(id);
    this.#jobs.delete(id);
    await job.stop();
    this.#files.remove(id);
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#jobs.values(), (it) => it.stop()));
  }

  #check({ target }: ExportRequest): void {
    if (this.#jobs.size >= MAX_EXPORTS) {
      throw new Problem(409, `There are ${MAX_EXPORTS} exports already; delete one first.`);
    }
    if (target.type === 'otlp') {
      if (this.#isAllowed(target.endpoint)) return;
      throw new Problem(403, 'The hub may not send to this endpoint; start it with --export-endpoint and this URL.');
    }
    for (const { target: other } of this.list) {
      if (other.type !== 'file') continue;
      const isTaken = other.name === target.name || backupPattern(other.name)?.test(target.name) === true;
      if (isTaken) throw new Problem(409, `Another export writes to the file "${target.name}"; choose another name.`);
    }
  }

  #isAllowed(endpoint: string): boolean {
    return this.#options.endpoints.some((it) => new URL(it).href === new URL(endpoint).href);
  }

  #resume(stored: ReturnType<ExportFiles['read']>[number]): void {
    try {
      // What was allowed to a former run need not be allowed to this one.
      this.#check(stored.request);
      this.#job(stored, false);
    } catch (error) {
      this.#log.error({ export: stored.id }, `an export of a former run does not go on: ${sentence(error)}`);
    }
  }

  #job(stored: ReturnType<ExportFiles['read']>[number], isNew: boolean): ExportJob {
    const { folder } = this.#options;
    const job = new ExportJob(stored, isNew, { state: this.#state, folder, files: this.#files, log: this.#log });
    this.#jobs.set(stored.id, job);
    return job;
  }
}

function noExport(id: string): Problem {
  return new Problem(404, `There is no export ${id.slice(0, 64)}; GET /api/v1/exports has all of them.`);
}
