/** What is kept of a SQL statement: its form for metrics, and what of it may be shown. */
import type { Redaction } from './parser.ts';
import { safeText } from './redact.ts';
import { sqlFingerprint, sqlKind } from './sql-fingerprint.ts';
import type { SqlDialect } from './sql-fingerprint.ts';

/** Statements that a connection's parser remembers, and the bytes their texts may take. */
const MAX_STATEMENTS = 256;
const MAX_BYTES = 12 * 1024;
/** What one takes beside its texts, bytes. */
const ENTRY_BYTES = 96;
/** First words of the statements of both dialects. */
const KINDS = new Set(
  `ABORT ALTER ANALYZE BEGIN CALL CHECK CHECKPOINT CHECKSUM CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE
  DELETE DESC DESCRIBE DISCARD DO DROP END EXECUTE EXPLAIN FETCH FLUSH GRANT HANDLER HELP IMPORT INSERT KILL LISTEN LOAD
  LOCK MERGE MOVE NOTIFY OPTIMIZE PREPARE REASSIGN REFRESH REINDEX RELEASE RENAME REPAIR REPLACE RESET REVOKE ROLLBACK
  SAVEPOINT SECURITY SELECT SET SHOW START STOP TABLE TRUNCATE UNLISTEN UNLOCK UPDATE USE VACUUM VALUES WITH XA`.split(
    /\s+/,
  ),
);
/** Statements about users have passwords in them. */
const SECRET = /passw|identified|secret|credential/i;

export interface Statement {
  /** First word, upper case. */
  kind: string;
  fingerprint: string;
  /** The fingerprint, or in full mode the statement as it was sent, unless it may hold a password. */
  shown: string;
}

/** `sql` may be cut. */
export function statementOf(sql: string, dialect: SqlDialect, redaction: Redaction): Statement {
  const fingerprint = sqlFingerprint(sql, dialect);
  // Nothing, or a comment: clients ask so whether the server is there.
  if (fingerprint === '') return plainStatement('EMPTY');
  const kind = sqlKind(fingerprint);
  // No statement, or one cut within its first word: it may be data, when a connection's place was found wrongly.
  if (!KINDS.has(kind)) return plainStatement('OTHER');
  const shown = redaction === 'full' && !SECRET.test(sql) ? safeText(sql.trim()) : fingerprint;
  return { kind, fingerprint, shown };
}

/** Something the protocol does without a statement: `CONNECT`. */
export function plainStatement(kind: string): Statement {
  return { kind, fingerprint: kind, shown: '' };
}

/** Prepared statements by their name or number; the ones used longest ago go when there are too many. */
export class Statements<K extends string | number> {
  readonly #statements = new Map<K, Statement>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get(key: K): Statement | undefined {
    const statement = this.#statements.get(key);
    if (statement === undefined) return undefined;
    this.#statements.delete(key);
    this.#statements.set(key, statement);
    return statement;
  }

  set(key: K, statement: Statement): void {
    this.delete(key);
    const bytes = bytesOf(key, statement);
    if (bytes > MAX_BYTES) return;
    this.#statements.set(key, statement);
    this.#bytes += bytes;
    for (const oldest of this.#statements.keys()) {
      if (this.#statements.size <= MAX_STATEMENTS && this.#bytes <= MAX_BYTES) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const statement = this.#statements.get(key);
    if (statement === undefined) return;
    this.#statements.delete(key);
    this.#bytes -= bytesOf(key, statement);
  }
}

function bytesOf(key: string | number, statement: Statement): number {
  const name = typeof key === 'string' ? key.length : 0;
  const shown = statement.shown === statement.fingerprint ? 0 : statement.shown.length;
  return ENTRY_BYTES + name + statement.fingerprint.length + shown;
}
