import { Failure } from '../../../base/failure.ts';
import { type Params, type SqlEngine, StoreError } from '../sql-engine.ts';

/** What readers need of an engine. */
export type ReadEngine = Pick<SqlEngine, 'rows' | 'stream'>;

/** An engine for readers, who may come before anybody has made the tables. */
export class PreparedEngine implements ReadEngine {
  readonly #engine: SqlEngine;
  readonly #prepare: () => Promise<void>;

  constructor(engine: SqlEngine, prepare: () => Promise<void>) {
    this.#engine = engine;
    this.#prepare = prepare;
  }

  async rows<Row>(sql: string, params?: Params, signal?: AbortSignal): Promise<Row[]> {
    await this.#ready();
    return this.#engine.rows<Row>(sql, params, signal);
  }

  async *stream(sql: string, params?: Params, signal?: AbortSignal): AsyncGenerator<Buffer> {
    await this.#ready();
    yield* this.#engine.stream(sql, params, signal);
  }

  /** A store that this version cannot use is to readers one that is away: they are told why. */
  async #ready(): Promise<void> {
    try {
      await this.#prepare();
    } catch (error) {
      if (error instanceof StoreError || !(error instanceof Failure)) throw error;
      throw new StoreError('unreachable', error.message, { cause: error });
    }
  }
}
