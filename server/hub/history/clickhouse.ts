/**
 * The client of ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http), over TCP, TLS or a unix
 * socket. Every call is one POST. Nothing is tried again but what a stale connection broke.
 */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { hasCode, sentence } from '../../base/failure.ts';
import { paramText } from './param-text.ts';
import { type Params, type SqlEngine, StoreError } from './sql-engine.ts';
import { readException, storeError } from './store-error.ts';

export interface StorePlace {
  /** What errors call it; without password. */
  readonly name: string;
  readonly at: { socketPath: string } | { host: string; port: number; tls: boolean };
  /** Why nobody may be there, if somebody watches over it and knows; null if not. */
  readonly whyAway?: () => string | null;
  readonly database: string;
  /** '' : the server's default user. */
  readonly user: string;
  readonly password: string;
}

export const MAX_ANSWER = 64 * 1024 * 1024;
export const MAX_INSERT = 64 * 1024 * 1024;
/** ClickHouse's own default limit (http_max_uri_size). */
const MAX_URL = 1024 * 1024;
const CONNECT_MS = 5000;
const ROWS_S = 30;
/** Also bounds how long a slow reader of a stream may take. */
const STREAM_S = 600;
/** Without a byte for so long, nobody is there: more than the store gives a query before it says so itself. */
const SILENCE_MS = (ROWS_S + 10) * 1000;
const MAX_ERROR_TEXT = 64 * 1024;
const CONNECTIONS = 16;

type Settings = Readonly<Record<string, string | number>>;

/** Reads change nothing, and end when we go. */
const READ: Settings = {
  readonly: 2,
  default_format: 'JSONEachRow',
  output_format_json_quote_64bit_integers: 1,
  // Errors break the answer off instead of looking like rows of it.
  http_write_exception_in_output_format: 0,
  cancel_http_readonly_queries_on_client_close: 1,
};

const INSERT: Settings = {
  async_insert: 0,
  insert_deduplicate: 1,
  // Tables that views fill look for the token themselves: what failed between table and view is made up for.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // Through a Distributed table, the rows are on their shards when it returns.
  distributed_foreground_insert: 1,
};

interface Call {
  settings: Settings;
  params?: Params | undefined;
  /** In the URL, if the body is data. */
  query?: string;
  /** Never text: Node.js would then send the header in the encoding of the text. */
  body: readonly Buffer[];
  signal?: AbortSignal | undefined;
  /** May be sent twice. */
  repeatable: boolean;
}

export class ClickHouse implements SqlEngine {
  readonly #place: StorePlace;
  /** Slow queries take no connection away from inserts. */
  readonly #reads: HttpAgent;
  readonly #writes: HttpAgent;

  constructor(place: StorePlace) {
    this.#place = place;
    const tls = 'tls' in place.at && place.at.tls;
    const options = { keepAlive: true, maxSockets: CONNECTIONS };
    this.#reads = tls ? new HttpsAgent(options) : new HttpAgent(options);
    this.#writes = tls ? new HttpsAgent(options) : new HttpAgent(options);
  }

  async rows<Row>(sql: string, params?: Params, signal?: AbortSignal): Promise<Row[]> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#read(sql, { ...READ, max_execution_time: ROWS_S }, params, signal)) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER) {
        throw new StoreError('rejected', `The answer of ${this.#place.name} is larger than 64 MiB; ask for less.`);
      }
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    return text === ''
      ? []
      : text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Row);
  }

  stream(sql: string, params?: Params, signal?: AbortSignal): AsyncIterable<Buffer> {
    return this.#read(sql, { ...READ, max_execution_time: STREAM_S }, params, signal);
  }

  async insert(table: string, columns: readonly string[], rows: readonly Buffer[], token: string): Promise<void> {
    const bytes = rows.reduce((sum, { length }) => sum + length, 0);
    if (bytes === 0) return;
    if (bytes > MAX_INSERT) throw new RangeError(`${bytes} bytes are too many for one insert into ${table}`);
    const query = `INSERT INTO ${identifier(table)} (${columns.map(identifier).join(', ')}) FORMAT RowBinary`;
    const settings = { ...INSERT, insert_deduplication_token: token };
    await this.#done({ query, settings, body: rows, repeatable: true });
  }

  async command(sql: string): Promise<void> {
    await this.#done({
      settings: { distributed_ddl_task_timeout: ROWS_S },
      body: [Buffer.from(sql)],
      repeatable: false,
    });
  }

  /** Breaks off what is going on. */
  close(): void {
    this.#reads.destroy();
    this.#writes.destroy();
  }

  async *#read(sql: string, settings: Settings, params?: Params, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const answer = await this.#call(
      { settings, params, body: [Buffer.from(sql)], signal, repeatable: true },
      this.#reads,
    );
    let tail: Buffer = Buffer.alloc(0);
    let watch = setTimeout(() => answer.destroy(this.#silent()), SILENCE_MS);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        // While our reader is busy it is not the store that is silent.
        clearTimeout(watch);
        tail =
          chunk.length >= MAX_ERROR_TEXT
            ? chunk.subarray(-MAX_ERROR_TEXT)
            : Buffer.concat([tail, chunk]).subarray(-MAX_ERROR_TEXT);
        yield chunk;
        watch = setTimeout(() => answer.destroy(this.#silent()), SILENCE_MS);
      }
    } catch (error) {
      throw this.#broken(error, tail, signal);
    } finally {
      clearTimeout(watch);
      answer.destroy();
    }
  }

  /** Sends it and waits until the store has said that all is done. */
  async #done(call: Call): Promise<void> {
    const answer = await this.#call(call, this.#writes);
    const watch = setTimeout(() => answer.destroy(this.#silent()), SILENCE_MS);
    let text: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        text = Buffer.concat([text, chunk]).subarray(-MAX_ERROR_TEXT);
      }
    } catch (error) {
      throw this.#broken(error, text, undefined);
    } finally {
      clearTimeout(watch);
    }
    // Without rows to write, a server sends 200 first and the exception then.
    const late = answer.headers['x-clickhouse-exception-code'] ?? readException(text.toString('utf8'))?.code;
    if (late !== undefined) throw this.#refusal(text.toString('utf8'), Number(late));
  }

  /** The answer's head has come, and it is good. */
  async #call(call: Call, agent: HttpAgent): Promise<IncomingMessage> {
    let answer: IncomingMessage;
    try {
      answer = await this.#send(call, agent);
    } catch (error) {
      if (!(error instanceof StaleConnection) || !call.repeatable) throw this.#broken(error, null, call.signal);
      answer = await this.#send(call, agent).catch((again: unknown) => {
        throw this.#broken(again, null, call.signal);
      });
    }
    if (answer.statusCode === 200) return answer;
    const text = await readSome(answer);
    const code = Number(answer.headers['x-clickhouse-exception-code'] ?? NaN);
    if (!Number.isNaN(code) || readException(text) !== null) throw this.#refusal(text, code);
    throw new StoreError(
      answer.statusCode === 401 || answer.statusCode === 403 ? 'denied' : 'unreachable',
      `${this.#place.name} answers with status ${answer.statusCode}, and not like ClickHouse; check host and port of --store.`,
    );
  }

  #send({ settings, params, query, body, signal }: Call, agent: HttpAgent): Promise<IncomingMessage> {
    const { at, database, user, password } = this.#place;
    const url = new URLSearchParams({ database });
    for (const [name, value] of Object.entries(settings)) url.set(name, String(value));
    for (const [name, value] of Object.entries(params ?? {})) url.set(`param_${name}`, paramText(value));
    if (query !== undefined) url.set('query', query);
    const path = `/?${url.toString()}`;
    if (path.length > MAX_URL) throw new RangeError('the parameters of a query are longer than 1 MiB');
    const headers: Record<string, string | number> = {
      'Content-Type': 'application/octet-stream',
      'Content-Length': body.reduce((sum, part) => sum + part.length, 0),
    };
    // Not in the URL: servers and proxies log that.
    if (user !== '') headers['X-ClickHouse-User'] = encodeHeader(user);
    if (password !== '') headers['X-ClickHouse-Key'] = encodeHeader(password);
    const target = 'socketPath' in at ? { socketPath: at.socketPath } : { host: at.host, port: at.port };
    const send = 'tls' in at && at.tls ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send({
        ...target,
        agent,
        method: 'POST',
        path,
        headers,
        ...(signal === undefined ? {} : { signal }),
      });
      const watch = setTimeout(() => request.destroy(this.#silent()), SILENCE_MS);
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const late = setTimeout(
          () => request.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
          CONNECT_MS,
        );
        for (const event of ['connect', 'close'] as const) socket.once(event, () => clearTimeout(late));
      });
      request.once('response', (answer) => {
        clearTimeout(watch);
        resolve(answer);
      });
      request.on('error', (error) => {
        clearTimeout(watch);
        reject(request.reusedSocket && hasCode(error, 'ECONNRESET') ? new StaleConnection('closed') : error);
      });
      for (const part of body) request.write(part);
      request.end();
    });
  }

  #silent(): StoreError {
    return new StoreError('timeout', `${this.#place.name} has said nothing for ${SILENCE_MS / 1000} s.`);
  }

  /** What the store says of an error. Something else that answers there may repeat what it was sent. */
  #refusal(text: string, code?: number): StoreError {
    const { name, password } = this.#place;
    return storeError(name, password === '' ? text : text.replaceAll(password, '***'), code);
  }

  /** What a connection that broke off means; the store's last words say why, if it had any. */
  #broken(error: unknown, tail: Buffer | null, signal: AbortSignal | undefined): StoreError {
    if (error instanceof StoreError) return error;
    if (signal?.aborted === true) return new StoreError('aborted', 'The query was broken off.', { cause: error });
    const text = tail?.toString('utf8') ?? '';
    if (readException(text) !== null) return this.#refusal(text);
    const how = tail === null ? 'cannot be reached' : 'broke off its answer';
    const why = this.#place.whyAway?.() ?? sentence(error);
    return new StoreError('unreachable', `${this.#place.name} ${how}: ${why}.`, { cause: error });
  }
}

/** The store closed an idle connection just when we used it. */
class StaleConnection extends Error {}

function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`"${name}" is no name of a table or column`);
  return `\`${name}\``;
}

/** Header values are bytes; anything above ASCII is sent as UTF-8. */
const encodeHeader = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

async function readSome(answer: IncomingMessage): Promise<string> {
  let text = Buffer.alloc(0);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      text = Buffer.concat([text, chunk]);
      if (text.length > MAX_ERROR_TEXT) break;
    }
  } catch {
    // What has come has to do.
  }
  return text.toString('utf8');
}
