/**
 * The embedded ClickHouse (npm package chdb) behind what the HTTP front needs of it. A connection costs 0.3 ms, so each
 * statement gets one of its own: settings and parameters of one never reach another.
 */
import { createRequire } from 'node:module';
import { Failure, sentence } from '../../../base/failure.ts';
import { unescapeParam } from '../param-text.ts';

/** What we use of the package. It is optional, so its own types may not be there when this is compiled. */
interface Session {
  query(sql: string, format: string): string;
  queryAsync(sql: string, options: { format: string }): Promise<{ bytes(): Uint8Array }>;
  queryStreamBind(sql: string, params: object, options: { format: string }): AsyncIterable<{ raw(): Uint8Array }>;
  close(): void;
}
type SessionClass = new (folder: string, options?: { connectionArgs: string[] }) => Session;

export interface Statement {
  sql: string;
  /** As in the URL: texts by the rules of TabSeparated. */
  params: Readonly<Record<string, string>>;
  settings: Readonly<Record<string, string>>;
  database: string;
  /** Of the answer, if the SQL names none. */
  format: string;
}

/** The engine's defaults are those of a command line: there, text that is no statement is a query. */
const AS_A_SERVER = { implicit_select: '0' };

export class Chdb {
  readonly #folder: string;
  readonly #Session: SessionClass;
  /** Keeps the engine open between statements. */
  readonly #keep: Session;

  /** Opens the data in `folder`. Throws a Failure if chdb is not installed or cannot read the folder. */
  constructor(folder: string, configFile: string) {
    this.#folder = folder;
    try {
      ({ Session: this.#Session } = createRequire(import.meta.url)('chdb') as { Session: SessionClass });
    } catch (error) {
      throw new Failure(`chdb cannot be loaded: ${sentence(error)}`, { cause: error });
    }
    try {
      this.#keep = new this.#Session(folder, { connectionArgs: [`--config-file=${configFile}`] });
    } catch (error) {
      throw new Failure(`chdb cannot open ${folder}: ${sentence(error)}`, { cause: error });
    }
  }

  /**
   * A SELECT; chunks are worked out as they are taken. What the SQL asks in subqueries is worked out before the
   * first, on this thread.
   */
  async *select(statement: Statement): AsyncGenerator<Uint8Array> {
    const session = this.#open(statement);
    const params = Object.fromEntries(
      Object.entries(statement.params).map(([name, text]) => [name, unescapeParam(text)]),
    );
    try {
      for await (const chunk of session.queryStreamBind(statement.sql, params, { format: statement.format })) {
        yield chunk.raw();
      }
    } finally {
      session.close();
    }
  }

  /** Any other statement. */
  async run(statement: Statement): Promise<Uint8Array> {
    const session = this.#open(statement);
    try {
      return (await session.queryAsync(statement.sql, { format: statement.format })).bytes();
    } finally {
      session.close();
    }
  }

  /** Breaks off the statements whose setting log_comment is `comment`. */
  async kill(comment: string): Promise<void> {
    await this.#keep.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${literal(comment)} ASYNC`, {
      format: 'Null',
    });
  }

  close(): void {
    this.#keep.close();
  }

  #open({ settings, database }: Statement): Session {
    const session = new this.#Session(this.#folder);
    try {
      if (database !== '') session.query(`USE \`${database.replaceAll(/[\\`]/g, '\\$&')}\``, 'Null');
      const pairs = Object.entries({ ...AS_A_SERVER, ...settings }).map(
        ([name, value]) => `${settingName(name)} = ${literal(value)}`,
      );
      session.query(`SET ${pairs.join(', ')}`, 'Null');
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }
}

export const literal = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;

function settingName(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name)) return name;
  throw new Error(`Code: 115. DB::Exception: Unknown setting ${name.slice(0, 100)}. (UNKNOWN_SETTING)`);
}
