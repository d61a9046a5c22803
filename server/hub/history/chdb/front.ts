/**
 * ClickHouse's HTTP interface over the embedded engine, as far as our client uses it: POST with the SQL in the body, or
 * an INSERT in the URL and its rows in the body; settings, `param_NAME`, `database` and `default_format` in the URL;
 * errors by status, X-ClickHouse-Exception-Code and, after the first bytes, the mark that breaks an answer off
 * (https://github.com/ClickHouse/ClickHouse/pull/88818).
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sentence } from '../../../base/failure.ts';
import { readException } from '../store-error.ts';
import { type Chdb, type Statement, literal } from './chdb.ts';
import { Slots } from './slots.ts';

const READS = 4;
const WRITES = 2;
const MAX_WAITING = 64;
/** libuv's threads: one for each statement that runs, those that break others off, and files. */
export const THREADS = READS + WRITES + 6;
const MAX_SQL = 1024 * 1024;
const MAX_INSERT = 64 * 1024 * 1024;
/** A reader that takes nothing for so long is not waited for. */
const DRAIN_MS = 60_000;

/** What one statement may use, if its client asks for nothing else. */
const LIMITS: Readonly<Record<string, string>> = {
  max_memory_usage: String(1024 ** 3),
  max_bytes_before_external_group_by: String(512 * 1024 ** 2),
  max_bytes_before_external_sort: String(512 * 1024 ** 2),
  // A chunk of an answer is a block: smaller ones keep less of it in memory.
  max_block_size: '16384',
};
const INSERT_SETTINGS: Readonly<Record<string, string>> = {
  // One block, so one part: either all of it is there or nothing.
  max_insert_threads: '1',
  min_insert_block_size_rows: '0',
  min_insert_block_size_bytes: String(4 * MAX_INSERT),
  // What dropping partitions and merging need is not filled up.
  min_free_disk_bytes_to_perform_insert: String(16 * 1024 ** 2),
};

const NOT_SETTINGS = new Set(['query', 'database', 'default_format', 'log_comment']);
const SELECT = /^\s*(?:SELECT|WITH)\b/i;
const INSERT = /^INSERT INTO (`\w+`) (\([`\w, ]+\)) FORMAT RowBinary$/;

/** Answers requests from `chdb`. Data of inserts waits in files in `incoming`, a folder that exists. */
export class Front {
  readonly #chdb: Chdb;
  readonly #incoming: string;
  readonly #reads = new Slots(READS, MAX_WAITING);
  readonly #writes = new Slots(WRITES, MAX_WAITING);

  constructor(chdb: Chdb, incoming: string) {
    this.#chdb = chdb;
    this.#incoming = incoming;
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => {});
    this.#answer(request, response).catch((error: unknown) => fail(response, error));
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://store');
    if (url.pathname === '/ping') response.end('Ok.\n');
    else if (url.pathname !== '/' || request.method !== 'POST') response.writeHead(404).end();
    else if (url.searchParams.has('query')) await this.#insert(url.searchParams, request, response);
    else await this.#query(url.searchParams, request, response);
  }

  async #insert(url: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, table, columns] = INSERT.exec(url.get('query') ?? '') ?? [];
    if (table === undefined || columns === undefined)
      throw exception(48, 'Only INSERTs in RowBinary have their data in the body');
    if (Number(request.headers['content-length'] ?? Infinity) > MAX_INSERT)
      throw exception(36, 'More than 64 MiB at once');
    // The engine looks for the end of data within a statement, which binary data may contain; of a file it knows the end.
    const file = join(this.#incoming, `${randomBytes(8).toString('hex')}.bin`);
    try {
      await pipeline(request, createWriteStream(file, { mode: 0o600 }));
      const sql = `INSERT INTO ${table} ${columns} SELECT * FROM file(${literal(file)}, 'RowBinary')`;
      const statement = { ...statementOf(sql, url), params: {} };
      statement.settings = { ...statement.settings, ...INSERT_SETTINGS };
      await inTurn(this.#writes, () => this.#chdb.run(statement));
      response.end();
    } finally {
      await rm(file, { force: true });
    }
  }

  async #query(url: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const statement = statementOf(await readSql(request), url);
    if (SELECT.test(statement.sql)) {
      await inTurn(this.#reads, () => this.#select(statement, response));
      return;
    }
    if (Object.keys(statement.params).length > 0) throw exception(48, 'Only a SELECT takes parameters');
    response.end(await inTurn(this.#writes, () => this.#chdb.run(statement)));
  }

  async #select(statement: Statement, response: ServerResponse): Promise<void> {
    const id = randomBytes(8).toString('hex');
    const tag = randomBytes(8).toString('hex');
    let isDone = response.destroyed;
    if (isDone) return;
    const kill = (): void => {
      // Should this fail, the statement ends by its max_execution_time.
      if (!isDone) this.#chdb.kill(id).catch(() => {});
    };
    response.once('close', kill);
    const { readonly, ...others } = statement.settings;
    const settings: Record<string, string> = { ...LIMITS, ...others, log_comment: id };
    // After it nothing can be set.
    if (readonly !== undefined) settings['readonly'] = readonly;
    try {
      for await (const chunk of this.#chdb.select({ ...statement, settings })) {
        if (!response.headersSent) response.writeHead(200, { 'X-ClickHouse-Exception-Tag': tag });
        if (response.destroyed || (!response.write(chunk) && !(await drained(response)))) return;
      }
      isDone = true;
      response.end();
    } catch (error) {
      isDone = true;
      if (!response.headersSent) throw error;
      breakOff(response, tag, sentence(error));
    } finally {
      isDone = true;
    }
  }
}

function statementOf(sql: string, url: URLSearchParams): Statement {
  const settings: Record<string, string> = {};
  const params: Record<string, string> = {};
  for (const [name, value] of url) {
    if (name.startsWith('param_')) params[name.slice('param_'.length)] = value;
    else if (!NOT_SETTINGS.has(name)) settings[name] = value;
  }
  const format = url.get('default_format') ?? 'TabSeparated';
  return { sql, params, settings, database: url.get('database') ?? '', format };
}

async function readSql(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_SQL) throw exception(62, 'The statement is longer than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function inTurn<T>(slots: Slots, work: () => Promise<T>): Promise<T> {
  const result = await slots.run(async () => ({ value: await work() }));
  if (result === null) throw exception(202, 'Too many simultaneous queries');
  return result.value;
}

/** Whether the reader took what was written. */
async function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (good: boolean) => (): void => {
      clearTimeout(watch);
      response.off('drain', onDrain).off('close', onClose);
      if (!good) response.destroy();
      resolve(good);
    };
    const onDrain = settle(true);
    const onClose = settle(false);
    const watch = setTimeout(onClose, DRAIN_MS);
    response.once('drain', onDrain).once('close', onClose);
  });
}

const exception = (code: number, words: string): Error => new Error(`Code: ${code}. DB::Exception: ${words}.`);

function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed || response.headersSent) {
    response.destroy();
    return;
  }
  const text = sentence(error);
  const code = readException(text)?.code;
  // What is no exception of the engine is the file system's, about the data of an insert: STD_EXCEPTION.
  response.writeHead(500, { 'X-ClickHouse-Exception-Code': String(code ?? 1001), Connection: 'close' });
  response.end(code === undefined ? `Code: 1001. DB::Exception: ${text}` : text);
}

/** What a reader finds at the end of an answer that is not complete: the error, and no end of the transfer. */
function breakOff(response: ServerResponse, tag: string, text: string): void {
  const words = `${text}\n`;
  const mark = `\r\n__exception__\r\n${tag}\r\n${words}${Buffer.byteLength(words)} ${tag}\r\n__exception__\r\n`;
  response.write(mark, () => response.destroy());
}
