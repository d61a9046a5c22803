/** What history asks of its store: ClickHouse's SQL. A server and the embedded engine look the same behind it. */
import { Failure } from '../../base/failure.ts';

/** Value of a placeholder `{name:Type}`. It never becomes part of the SQL text. */
export type ParamValue = string | number | bigint | readonly (string | number | bigint)[];
export type Params = Readonly<Record<string, ParamValue>>;

/** ClickHouse's SQL over its HTTP interface; the same for a server and for the embedded engine. All methods throw StoreError. */
export interface SqlEngine {
  /**
   * One object a row (JSONEachRow; 64-bit integers as strings). The SQL names no format and changes nothing. Answers
   * above 64 MiB are refused. What is asked in subqueries is worked out before the rest, and holds up all other calls
   * to the embedded engine for that time.
   */
  rows<Row>(sql: string, params?: Params, signal?: AbortSignal): Promise<Row[]>;
  /**
   * The answer in the format the SQL names (RowBinary, ...), in chunks as they come and no faster than they are taken.
   * An error may come after chunks: only the end of the iteration says that all was there.
   */
  stream(sql: string, params?: Params, signal?: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Rows in RowBinary, at most 64 MiB together. Idempotent: the same `token` is taken once a table. Resolves when they
   * are durable. An insert that failed may be there in part; repeated with its token and its rows it is there once.
   */
  insert(table: string, columns: readonly string[], rows: readonly Buffer[], token: string): Promise<void>;
  /** A statement without answer, such as CREATE TABLE. */
  command(sql: string): Promise<void>;
}

/**
 * Why the store did not do what it was asked.
 * `unreachable`: nobody answers, or the connection broke: the same call may work later, and what was inserted may be there.
 * `busy`: too much at once, or short of memory: the same call may work later.
 * `full`: no space, or no right to write: inserts fail until somebody helps, queries work.
 * `timeout`: it took too long. `denied`: user or password are wrong. `rejected`: the store refuses this very request.
 * `aborted`: by the caller's signal.
 */
export type StoreProblem = 'unreachable' | 'busy' | 'full' | 'timeout' | 'denied' | 'rejected' | 'aborted';

export class StoreError extends Failure {
  readonly problem: StoreProblem;
  /** ClickHouse's number of the error, null if it was not ClickHouse that said it. */
  readonly code: number | null;

  constructor(problem: StoreProblem, message: string, options: { cause?: unknown; code?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.problem = problem;
    this.code = options.code ?? null;
  }
}

/** Whether the same call may succeed later without anybody changing the request. */
export const isPassing = ({ problem }: StoreError): boolean => problem !== 'rejected' && problem !== 'aborted';
