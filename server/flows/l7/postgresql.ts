/**
 * PostgreSQL, frontend/backend protocol 3 (PostgreSQL 15 manual, chapter 55).
 *
 * A statement is a simple Query, or an Execute in the extended protocol, whose text the Parse before it had. Its latency
 * goes from the first byte of the Query, or of the Parse or Bind that leads to the Execute, to the first byte of the
 * last CommandComplete, EmptyQueryResponse or ErrorResponse: what log_duration measures. Results are passed over; where
 * they are not captured, the end of the answer is, and says how it went.
 */
import type { L7Message, SqlMessage } from '../../wire/l7.ts';
import { Framer } from './framer.ts';
import type { Framing } from './framer.ts';
import type { MessageSink, ParserFactory, Redaction } from './parser.ts';
import {
  CANCEL_REQUEST,
  CLIENT_TYPES,
  GSS_REQUEST,
  MAX_STARTUP,
  PROTOCOL_3,
  READY_BYTES,
  SERVER_TYPES,
  SSL_REQUEST,
  UNKNOWN_ERROR,
  Z,
  afterText,
  endMessage,
  errorFields,
  frameLength,
  isLength,
  rowsOf,
  text,
} from './postgresql-messages.ts';
import type { ErrorFields } from './postgresql-messages.ts';
import { Statements, plainStatement, statementOf } from './sql-statement.ts';
import type { Statement } from './sql-statement.ts';
import { TurnParser } from './turns.ts';
import type { Pending } from './turns.ts';

/** What is read of an answer lies within: a command tag, or an error's first fields. */
const ANSWER_BYTES = 256;

/**
 * What the server answers: `sync` only with ReadyForQuery, which ends the others as well; `execute` is over before
 * that.
 */
interface Unit extends Pending {
  role: 'query' | 'execute' | 'prepare' | 'connect' | 'sync';
  statement: Statement;
  /** What is known of the answer so far. */
  error: string;
  rows: number | null;
  answerNs: number;
}

export const postgresqlParser: ParserFactory = (sink, redaction) => new Postgresql(sink, redaction);

class Postgresql extends TurnParser<Unit> {
  protected readonly client = new Framer(this.#requests(), this);
  protected readonly server = new Framer(this.#answers(), this, ANSWER_BYTES);
  readonly #redaction: Redaction;
  readonly #statements = new Statements<string>();
  /** Portal -> its statement; all but the unnamed one are rare. */
  readonly #portals = new Statements<string>();
  /** The first messages have no type. */
  #isStartup = true;
  /** The server's next byte says whether the connection is encrypted. */
  #isAsked = false;
  /** When the Parse or Bind of the next Execute was seen; -1 if there was none. */
  #beganNs = -1;
  /** The statement of the last Parse without an Execute since. */
  #parsed: Statement | null = null;

  constructor(sink: MessageSink, redaction: Redaction) {
    super(sink);
    this.#redaction = redaction;
  }

  protected isHead(bytes: Buffer): boolean {
    return bytes.length >= 5 && CLIENT_TYPES.has(bytes[0] ?? 0) && isLength(bytes.readInt32BE(1));
  }

  protected override extraBytes(): number {
    return this.#statements.bytes + this.#portals.bytes;
  }

  #requests(): Framing {
    return {
      frameLength: (bytes, at) => {
        if (bytes.length - at < 5) return 0;
        if (this.#isStartup) {
          // A connection that was there before is in the middle of its messages.
          if (bytes[at] === 0) {
            const length = bytes.readInt32BE(at);
            return length >= 8 && length <= MAX_STARTUP ? length : -1;
          }
          this.#isStartup = false;
        }
        return frameLength(bytes, at, CLIENT_TYPES);
      },
      frame: (bytes, start, end, _length, timeNs) => {
        if (this.#isStartup) this.#startup(bytes, start, end, timeNs);
        else this.#request(bytes, start, end, timeNs);
      },
    };
  }

  #startup(bytes: Buffer, start: number, end: number, timeNs: number): void {
    const code = end - start < 8 ? 0 : bytes.readInt32BE(start + 4);
    if (code === SSL_REQUEST || code === GSS_REQUEST) this.#isAsked = true;
    else if (code === CANCEL_REQUEST) this.stop();
    else if (code >>> 16 === PROTOCOL_3) {
      this.#isStartup = false;
      this.#ask('connect', plainStatement('CONNECT'), timeNs);
    } else {
      this.broken(this.client);
    }
  }

  #request(bytes: Buffer, start: number, end: number, timeNs: number): void {
    const body = start + 5;
    switch (String.fromCharCode(bytes[start] ?? 0)) {
      case 'Q':
        this.#ask('query', this.#statement(text(bytes, body, end)), timeNs);
        this.#beganNs = -1;
        this.#parsed = null;
        break;
      case 'P': {
        const name = text(bytes, body, end);
        this.#parsed = this.#statement(text(bytes, afterText(bytes, body, end), end));
        this.#statements.set(name, this.#parsed);
        if (this.#beganNs < 0) this.#beganNs = timeNs;
        break;
      }
      case 'B': {
        const portal = text(bytes, body, end);
        const statement = this.#statements.get(text(bytes, afterText(bytes, body, end), end));
        this.#portals.set(portal, statement ?? plainStatement('EXECUTE'));
        if (this.#beganNs < 0) this.#beganNs = timeNs;
        break;
      }
      case 'E': {
        const statement = this.#portals.get(text(bytes, body, end)) ?? plainStatement('EXECUTE');
        this.#ask('execute', statement, this.#beganNs < 0 ? timeNs : this.#beganNs);
        this.#beganNs = -1;
        this.#parsed = null;
        break;
      }
      case 'C':
        if (bytes[body] === 0x53) this.#statements.delete(text(bytes, body + 1, end));
        break;
      case 'S':
        if (this.#parsed !== null) this.#ask('prepare', { ...this.#parsed, kind: 'PREPARE' }, this.#beganNs);
        this.#parsed = null;
        this.#beganNs = -1;
        this.expect(unit('sync', plainStatement(''), '', false, timeNs), 0);
        break;
      default: // Nothing that runs a statement.
    }
  }

  #statement(sql: string): Statement {
    return statementOf(sql, 'postgresql', this.#redaction);
  }

  #ask(role: Unit['role'], statement: Statement, startNs: number): void {
    // To prepare a statement and to execute it are two operations.
    const operation = role === 'prepare' ? `PREPARE ${statement.fingerprint}` : statement.fingerprint;
    const route = this.sink.route('postgresql', operation);
    this.sink.request('postgresql', route);
    const isWanted = this.sink.wantsEvent();
    if (isWanted) {
      this.sink.event({
        kind: 'REQUEST',
        protocol: 'postgresql',
        route,
        sql: { kind: statement.kind, statement: statement.shown },
      });
    }
    this.expect(unit(role, statement, route, isWanted, startNs), statement.shown.length + route.length);
  }

  #answers(): Framing {
    return {
      frameLength: (bytes, at) => {
        // The answer to SSLRequest is one byte without a length.
        if (this.#isAsked) return 1;
        return bytes.length - at < 5 ? 0 : frameLength(bytes, at, SERVER_TYPES);
      },
      frame: (bytes, start, end, _length, timeNs) => {
        if (this.#isAsked) {
          this.#isAsked = false;
          // S: TLS begins; G: GSSAPI. N: the client goes on in clear, or asks for the other.
          if (bytes[start] === 0x53 || bytes[start] === 0x47) this.stop();
          return;
        }
        this.#answer(bytes, start, end, timeNs);
      },
    };
  }

  #answer(bytes: Buffer, start: number, end: number, timeNs: number): void {
    // What began before the request is no answer to it.
    if (timeNs < (this.pending.first()?.startNs ?? 0)) return;
    switch (String.fromCharCode(bytes[start] ?? 0)) {
      case 'C':
        this.#complete(rowsOf(text(bytes, start + 5, end)), timeNs);
        break;
      case 'I':
      case 's': // The portal has more rows.
        this.#complete(null, timeNs);
        break;
      case 'E':
        this.#fail(errorFields(bytes, start + 5, end), timeNs);
        break;
      case 'Z':
        this.#ready(timeNs);
        break;
      default: // Rows, their description, and what needs no answer.
    }
  }

  #complete(rows: number | null, timeNs: number): void {
    const asked = this.pending.first();
    if (asked === undefined || asked.role === 'sync') return;
    asked.answerNs = timeNs;
    // A Query may have several statements; each changed its rows.
    if (rows !== null) asked.rows = (asked.rows ?? 0) + rows;
    if (asked.role !== 'execute') return;
    this.pending.shift();
    this.#respond(asked);
  }

  #fail(fields: ErrorFields, timeNs: number): void {
    const asked = this.pending.first();
    if (asked !== undefined && asked.role !== 'sync') {
      asked.error = fields.code;
      asked.answerNs = timeNs;
      // The connection ends with it: no ReadyForQuery comes.
      if (asked.role !== 'execute' && !fields.isFatal) return;
      this.pending.shift();
      this.#respond(asked);
    }
    if (fields.isFatal) this.pending.clear();
  }

  /** Ends a Query, or everything up to the next Sync: what an error left undone gets no answer. */
  #ready(timeNs: number): void {
    for (let asked = this.pending.shift(); asked !== undefined; asked = this.pending.shift()) {
      if (asked.role === 'execute') continue;
      if (asked.role === 'sync') return;
      if (asked.answerNs < 0) asked.answerNs = timeNs;
      this.#respond(asked);
      if (asked.role !== 'prepare') return;
    }
  }

  #respond(asked: Unit): void {
    const latencyNs = asked.answerNs - asked.startNs;
    const isError = asked.error !== '';
    this.sink.response('postgresql', asked.route, asked.error, isError, latencyNs);
    if (!asked.isWanted) return;
    const sql: SqlMessage = { kind: asked.statement.kind, statement: asked.statement.shown, error: asked.error };
    if (asked.rows !== null && !isError) sql.rows = asked.rows;
    const message: L7Message = {
      kind: 'RESPONSE',
      protocol: 'postgresql',
      route: asked.route,
      latency_ns: latencyNs,
      is_error: isError,
      sql,
    };
    this.sink.event(message);
  }

  /** The end of an answer whose middle was not captured: ReadyForQuery, and before it what says how it went. */
  protected override lostAnswer(bytes: Buffer, timeNs: number): void {
    const ready = bytes.length - READY_BYTES;
    if (ready < 0 || bytes[ready] !== Z || bytes.readInt32BE(ready + 1) !== 5) return;
    const end = endMessage(bytes, ready);
    if (end >= 0) this.#answer(bytes, end, ready, timeNs);
    // The end of an error that is longer than what was captured of it: its code is not known.
    else if (bytes[ready - 1] === 0 && bytes[ready - 2] === 0)
      this.#fail({ code: UNKNOWN_ERROR, isFatal: false }, timeNs);
    else {
      // Whether it went well is not known.
      this.giveUp(this.#unitsUpToReady());
      this.server.reset();
      return;
    }
    this.#ready(timeNs);
    this.server.reset();
  }

  /** How many of the oldest requests the next ReadyForQuery ends. */
  #unitsUpToReady(): number {
    let count = 1;
    for (const asked of this.pending.entries()) {
      if (asked.role !== 'execute' && asked.role !== 'prepare') break;
      count += 1;
    }
    return count;
  }
}

function unit(role: Unit['role'], statement: Statement, route: string, isWanted: boolean, startNs: number): Unit {
  return { role, statement, route, isWanted, startNs, error: '', rows: null, answerNs: -1 };
}
