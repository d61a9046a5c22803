/**
 * MySQL and MariaDB client/server protocol (dev.mysql.com/doc/dev/mysql-server, "Client/Server Protocol";
 * mariadb.com/kb/en/clientserver-protocol).
 *
 * A command has sequence number 0, and the first packet of its answer 1, which says how it went: OK, an error, or that
 * rows follow. The latency ends with that packet; rows are passed over. Once a connection is encrypted or compressed it
 * is left alone.
 */
import type { L7Message, SqlMessage } from '../../wire/l7.ts';
import { Framer } from './framer.ts';
import type { Framing } from './framer.ts';
import type { MessageSink, ParserFactory, Redaction } from './parser.ts';
import { Statements, plainStatement, statementOf } from './sql-statement.ts';
import type { Statement } from './sql-statement.ts';
import { TurnParser } from './turns.ts';
import type { Pending } from './turns.ts';

/** What is read of an answer lies within; only the greeting is longer, and read up to its capabilities. */
const ANSWER_BYTES = 128;

const HEAD_BYTES = 4;

const CLIENT_COMPRESS = 0x20;
const CLIENT_PROTOCOL_41 = 0x200;
const CLIENT_SSL = 0x800;
const CLIENT_ZSTD = 0x4000000;

const LOCAL_INFILE = 0xfb;

const COM_QUERY = 0x03;
const COM_PREPARE = 0x16;
const COM_EXECUTE = 0x17;
const COM_CLOSE = 0x19;
const COM_BULK_EXECUTE = 0xfa;
/** MariaDB: the statement prepared last. */
const LAST_STATEMENT = 0xffffffff;

/** Commands that are shown by their name. */
const NAMES: Readonly<Record<number, string>> = {
  0x02: 'USE',
  0x04: 'FIELD LIST',
  0x08: 'SHUTDOWN',
  0x09: 'STATISTICS',
  0x0a: 'PROCESS INFO',
  0x0c: 'KILL',
  0x0d: 'DEBUG',
  0x0e: 'PING',
  0x11: 'CHANGE USER',
  0x1a: 'RESET STATEMENT',
  0x1b: 'SET OPTION',
  0x1c: 'FETCH',
  0x1f: 'RESET CONNECTION',
};
/** COM_QUIT, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE. */
const UNANSWERED: ReadonlySet<number> = new Set([0x01, 0x18, COM_CLOSE]);
/** COM_BINLOG_DUMP, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID: replicas read the server's log. */
const REPLICATION: ReadonlySet<number> = new Set([0x12, 0x13, 0x15, 0x1e]);

interface Command extends Pending {
  statement: Statement;
  /** The answer says the number under which the statement can be executed. */
  isPrepare: boolean;
}

export const mysqlParser: ParserFactory = (sink, redaction) => new Mysql(sink, redaction);

class Mysql extends TurnParser<Command> {
  protected readonly client = new Framer(this.#framing(true), this);
  protected readonly server = new Framer(this.#framing(false), this, ANSWER_BYTES);
  readonly #redaction: Redaction;
  readonly #statements = new Statements<number>();
  #lastStatement = LAST_STATEMENT;
  /** What the server offered in its greeting; 0 if that was not seen. */
  #offered = 0;
  /** Between the greeting and the end of the login. */
  #isLogin = false;
  #isCompressed = false;
  /** The client sends a file for LOAD DATA LOCAL. */
  #takesFile = false;

  constructor(sink: MessageSink, redaction: Redaction) {
    super(sink);
    this.#redaction = redaction;
  }

  protected isHead(bytes: Buffer): boolean {
    return bytes.length > HEAD_BYTES && bytes[3] === 0 && isCommand(bytes[4] ?? 0);
  }

  protected override extraBytes(): number {
    return this.#statements.bytes;
  }

  #framing(fromClient: boolean): Framing {
    return {
      frameLength: (bytes, at) => (bytes.length - at < HEAD_BYTES ? 0 : bytes.readUIntLE(at, 3) + HEAD_BYTES),
      frame: (bytes, start, end, _length, timeNs) => {
        const sequence = bytes[start + 3] ?? 0;
        const body = bytes.subarray(start + HEAD_BYTES, end);
        if (!fromClient) this.#packet(sequence, body, timeNs);
        else if (this.#isLogin) this.#login(body, timeNs);
        // Other numbers: the rest of a command above 16 MiB, or a file that LOAD DATA sends.
        else if (sequence === 0 && body.length > 0) this.#command(body, timeNs);
      },
    };
  }

  /** HandshakeResponse41, and what follows it until the server is content. */
  #login(body: Buffer, timeNs: number): void {
    if (this.pending.length > 0 || body.length < 4) return;
    const wanted = body.readUInt32LE(0);
    if ((wanted & CLIENT_PROTOCOL_41) !== 0 && (wanted & CLIENT_SSL & this.#offered) !== 0) {
      this.stop();
      return;
    }
    this.#isCompressed = (wanted & this.#offered & (CLIENT_COMPRESS | CLIENT_ZSTD)) !== 0;
    this.#ask(plainStatement('CONNECT'), false, timeNs);
  }

  #command(body: Buffer, timeNs: number): void {
    const command = body[0] ?? 0;
    if (!isCommand(command)) this.broken(this.client);
    else if (REPLICATION.has(command)) this.stop();
    else if (command === COM_QUERY || command === COM_PREPARE) {
      const statement = statementOf(queryText(body), 'mysql', this.#redaction);
      if (command === COM_PREPARE) this.#ask({ ...statement, kind: 'PREPARE' }, true, timeNs, statement.kind);
      else this.#ask(statement, false, timeNs);
    } else if (command === COM_EXECUTE || command === COM_BULK_EXECUTE) {
      const number = body.length < 5 ? LAST_STATEMENT : body.readUInt32LE(1);
      const statement = this.#statements.get(number === LAST_STATEMENT ? this.#lastStatement : number);
      this.#ask(statement ?? plainStatement('EXECUTE'), false, timeNs);
    } else if (command === COM_CLOSE && body.length >= 5) this.#statements.delete(body.readUInt32LE(1));
    else if (!UNANSWERED.has(command)) this.#ask(plainStatement(NAMES[command] ?? 'COMMAND'), false, timeNs);
  }

  #ask(statement: Statement, isPrepare: boolean, startNs: number, executes = statement.kind): void {
    // To prepare a statement and to execute it are two operations.
    const operation = isPrepare ? `PREPARE ${statement.fingerprint}` : statement.fingerprint;
    const route = this.sink.route('mysql', operation);
    this.sink.request('mysql', route);
    const isWanted = this.sink.wantsEvent();
    if (isWanted) {
      const sql: SqlMessage = { kind: statement.kind, statement: statement.shown };
      this.sink.event({ kind: 'REQUEST', protocol: 'mysql', route, sql });
    }
    const kept = { ...statement, kind: executes };
    this.expect({ startNs, route, isWanted, statement: kept, isPrepare }, statement.shown.length + route.length);
  }

  #packet(sequence: number, body: Buffer, timeNs: number): void {
    const type = body[0];
    const asked = this.pending.first();
    if (asked === undefined) {
      if (sequence === 0 && type === 10) this.#greeting(body);
      return;
    }
    // What began before the command is no answer to it.
    if (type === undefined || timeNs < asked.startNs) return;
    if (!this.#isLogin && !this.#takesFile && sequence !== 1) return;
    // AuthSwitchRequest, AuthMoreData: the login goes on.
    if (this.#isLogin && type !== 0 && type !== 0xff) return;
    // LOCAL INFILE: the server asks for a file, and answers when it has it.
    this.#takesFile = type === LOCAL_INFILE;
    if (this.#takesFile) return;
    this.pending.shift();
    const isError = type === 0xff;
    if (asked.isPrepare && type === 0 && body.length >= 5) {
      this.#lastStatement = body.readUInt32LE(1);
      this.#statements.set(this.#lastStatement, asked.statement);
    }
    const rows = type === 0 && !asked.isPrepare && !this.#isLogin ? affectedRows(body) : null;
    this.#respond(asked, isError ? sqlState(body) : '', rows, timeNs);
    if (!this.#isLogin) return;
    this.#isLogin = false;
    if (this.#isCompressed || isError) this.stop();
  }

  /** HandshakeV10. */
  #greeting(body: Buffer): void {
    const version = body.indexOf(0, 1);
    const capabilities = version + 1 + 4 + 8 + 1;
    if (version < 0 || capabilities + 7 > body.length) return;
    // Character set and status lie between the halves.
    this.#offered = body.readUInt16LE(capabilities) | (body.readUInt16LE(capabilities + 5) << 16);
    this.#isLogin = true;
  }

  #respond(asked: Command, error: string, rows: number | null, timeNs: number): void {
    const latencyNs = timeNs - asked.startNs;
    this.sink.response('mysql', asked.route, error, error !== '', latencyNs);
    if (!asked.isWanted) return;
    const kind = asked.isPrepare ? 'PREPARE' : asked.statement.kind;
    const sql: SqlMessage = { kind, statement: asked.statement.shown, error };
    if (rows !== null) sql.rows = rows;
    const message: L7Message = {
      kind: 'RESPONSE',
      protocol: 'mysql',
      route: asked.route,
      latency_ns: latencyNs,
      is_error: error !== '',
      sql,
    };
    this.sink.event(message);
  }
}

function isCommand(byte: number): boolean {
  return byte <= 0x1f || byte === COM_BULK_EXECUTE;
}

/** The text of COM_QUERY; with CLIENT_QUERY_ATTRIBUTES two counts come first (no attributes, one set of them). */
function queryText(body: Buffer): string {
  if (body[1] !== undefined && body[1] < 0x09) {
    // With attributes the text begins somewhere behind them: values that must not be taken for a statement.
    return body[1] === 0 && body[2] === 1 ? body.toString('utf8', 3) : '';
  }
  return body.toString('utf8', 1);
}

/** Length-encoded number after the first byte of an OK packet; null if it is cut. */
function affectedRows(body: Buffer): number | null {
  const first = body[1];
  if (first === undefined) return null;
  if (first < 0xfb) return first;
  const bytes = first === 0xfc ? 2 : first === 0xfd ? 3 : 6;
  return body.length < 2 + bytes ? null : body.readUIntLE(2, bytes);
}

/** SQLSTATE of an ERR packet; general error if it has none. */
function sqlState(body: Buffer): string {
  const state = body[3] === 0x23 ? body.toString('latin1', 4, 9) : '';
  return /^[0-9A-Z]{5}$/.test(state) ? state : 'HY000';
}
