/**
 * Redis, RESP2 and RESP3. Replies come in the order of the commands; an answer is told by its first byte, so its latency
 * ends there. What a server sends on its own (messages of subscriptions, pushes, the output of MONITOR) answers nothing.
 */
import type { L7Message } from '../../wire/l7.ts';
import type { MessageSink, ParserFactory, Redaction } from './parser.ts';
import { safeText } from './redact.ts';
import { RespLane } from './resp.ts';
import type { RespVisitor } from './resp.ts';
import { TurnParser } from './turns.ts';
import type { Pending } from './turns.ts';

/** Commands whose second word tells what they do. */
const CONTAINERS = new Set(
  'ACL CLIENT CLUSTER COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SENTINEL SLOWLOG XGROUP XINFO'.split(
    ' ',
  ),
);
/** Commands whose arguments may be passwords. */
const SECRET = new Set(['AUTH', 'HELLO', 'MIGRATE', 'ACL SETUSER', 'CONFIG SET']);
/** Commands with one reply for each channel they name. */
const SUBSCRIPTIONS = /^[PS]?(UN)?SUBSCRIBE$/;
/** First words of what comes without being asked for, and of the replies to the commands above. */
const UNASKED = /^([ps]?message|[ps]?(un)?subscribe)$/;
/**
 * What people and health checks write as plain lines. Other lines are none: they may be the middle of a value, when the
 * connection's place was found wrongly.
 */
const INLINE = new Set(
  'AUTH CLIENT CONFIG DBSIZE DEL ECHO EXISTS GET INCR INFO MONITOR PING PSYNC QUIT ROLE SELECT SET SYNC TIME'.split(
    ' ',
  ),
);
const WORD = /^[a-z][a-z0-9_.|-]{0,31}$/i;

const PUSH = 0x3e;
const ARRAY = 0x2a;
const ERROR = 0x2d;
const BULK_ERROR = 0x21;

const MAX_ARGUMENTS = 16;
const MAX_ARGUMENT = 128;

interface Command extends Pending {
  command: string;
}

export const redisParser: ParserFactory = (sink, redaction) => new Redis(sink, redaction);

class Redis extends TurnParser<Command> {
  protected readonly client = new RespLane(this.#commands(), this);
  protected readonly server = new RespLane(this.#replies(), this);
  readonly #redaction: Redaction;
  /** The words of the command at hand. */
  #words: string[] = [];
  #isInline = false;
  #startNs = 0;
  /** CLIENT REPLY OFF was sent, or SKIP for the next command. */
  #isMute = false;
  #skipsNext = false;
  #hasSubscribed = false;
  #isMonitor = false;
  /** The reply at hand: its type and when it began. */
  #replyType = 0;
  #replyNs = 0;
  #replyText = '';

  constructor(sink: MessageSink, redaction: Redaction) {
    super(sink);
    this.#redaction = redaction;
  }

  protected isHead(bytes: Buffer): boolean {
    return bytes[0] === ARRAY && (bytes[1] ?? 0) >= 0x31 && (bytes[1] ?? 0) <= 0x39;
  }

  #commands(): RespVisitor {
    return {
      hasInline: true,
      begin: (type, _elements, timeNs) => {
        this.#words = [];
        this.#isInline = type !== ARRAY;
        this.#startNs = timeNs;
      },
      wantsText: (index) => {
        if (index === 0 || (index < MAX_ARGUMENTS && this.#redaction === 'full')) return true;
        const first = this.#words[0]?.toUpperCase() ?? '';
        return index === 1 ? CONTAINERS.has(first) : index === 2 && first === 'CLIENT';
      },
      text: (_index, text) => {
        this.#words.push(text);
      },
      end: () => this.#command(),
    };
  }

  #command(): void {
    const words = this.#isInline ? (this.#words[0] ?? '').trim().split(/\s+/, MAX_ARGUMENTS) : this.#words;
    const first = words[0] ?? '';
    // An empty line is no command, nor is an empty array.
    if (first === '') return;
    if (!WORD.test(first) || (this.#isInline && !INLINE.has(first.toUpperCase()))) {
      this.sink.malformed();
      return;
    }
    let command = first.toUpperCase();
    const hasSecond = CONTAINERS.has(command) && WORD.test(words[1] ?? '');
    if (hasSecond) command += ` ${(words[1] ?? '').toUpperCase()}`;
    const route = this.sink.route('redis', command);
    this.sink.request('redis', route);
    const isWanted = this.sink.wantsEvent();
    if (isWanted) {
      const message: L7Message = { kind: 'REQUEST', protocol: 'redis', route, redis: { command } };
      if (this.#redaction === 'full' && message.redis !== undefined && !SECRET.has(command)) {
        message.redis.arguments = words.slice(hasSecond ? 2 : 1).map((word) => safeText(word.slice(0, MAX_ARGUMENT)));
      }
      this.sink.event(message);
    }
    if (command === 'SYNC' || command === 'PSYNC') {
      // The connection carries a copy of the database from here on.
      this.stop();
      return;
    }
    if (SUBSCRIPTIONS.test(command)) this.#hasSubscribed = true;
    if (!this.#isUnanswered(command, words[2] ?? '')) {
      this.expect({ startNs: this.#startNs, route, isWanted, command }, command.length);
    }
  }

  /** Whether CLIENT REPLY has it that this command gets no reply. */
  #isUnanswered(command: string, mode: string): boolean {
    if (command === 'CLIENT REPLY') {
      this.#isMute = /^off$/i.test(mode);
      this.#skipsNext = /^skip$/i.test(mode);
      return this.#isMute || this.#skipsNext;
    }
    const isSkipped = this.#skipsNext;
    this.#skipsNext = false;
    return this.#isMute || isSkipped;
  }

  #replies(): RespVisitor {
    return {
      hasInline: false,
      begin: (type, _elements, timeNs) => {
        this.#replyType = type;
        this.#replyNs = timeNs;
        this.#replyText = '';
        if (!this.#needsText()) this.#reply('');
      },
      wantsText: (index) => index === 0 && this.#needsText(),
      text: (_index, text) => {
        this.#replyText = text;
      },
      end: () => {
        if (this.#needsText()) this.#reply(this.#replyText);
      },
    };
  }

  /** Whether the type of the reply at hand does not say enough of it. */
  #needsText(): boolean {
    const type = this.#replyType;
    return type === ERROR || type === BULK_ERROR || type === PUSH || (type === ARRAY && this.#hasSubscribed);
  }

  #reply(text: string): void {
    const isError = this.#replyType === ERROR || this.#replyType === BULK_ERROR;
    const asked = this.pending.first();
    // What began before the command is no answer to it.
    if (asked === undefined || this.#isMonitor || this.#replyNs < asked.startNs) return;
    if (!isError && (this.#replyType === PUSH || (this.#replyType === ARRAY && UNASKED.test(text)))) {
      if (asked.command !== text.toUpperCase()) return;
    }
    this.pending.shift();
    // Everything after the OK is a log of others' commands.
    if (asked.command === 'MONITOR' && !isError) this.#isMonitor = true;
    const error = isError ? firstWord(text) : '';
    const latencyNs = this.#replyNs - asked.startNs;
    this.sink.response('redis', asked.route, error, isError, latencyNs);
    if (!asked.isWanted) return;
    this.sink.event({
      kind: 'RESPONSE',
      protocol: 'redis',
      route: asked.route,
      latency_ns: latencyNs,
      is_error: isError,
      redis: { command: asked.command, error },
    });
  }
}

/** `WRONGTYPE` of `WRONGTYPE Operation against …`; what follows may quote a value. */
function firstWord(text: string): string {
  return /^[A-Z][A-Z0-9_]{0,31}(?= |$)/.exec(text)?.[0] ?? 'ERR';
}
