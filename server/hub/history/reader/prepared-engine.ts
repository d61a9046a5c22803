import type { Params, SqlEngine } from '../sql-engine.ts';

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
    await this.#prepare();
    return this.#engine.rows<Row>(sql, params, signal);
  }

  async *stream(sql: string, params?: Params, signal?: AbortSignal): AsyncGenerator<Buffer> {
    await this.#prepare();
    yield* this.#engine.stream(sql, params, signal);
  }
}
