/**
 * The form of a SQL statement without what it is about: literals become `?`, lists of them one `?`, comments and
 * layout go. It reads tokens, not grammar, so it works on statements that are cut anywhere; what is cut within a literal
 * or a quoted name is left out. No maintained library does that: those there are parse whole statements.
 *
 * Quoting differs (PostgreSQL 15 manual, 4.1; MySQL 8.0 manual, 9.1 and 9.7): in MySQL a backslash escapes, double
 * quotes make strings, `#` begins a comment. PostgreSQL is taken to have standard_conforming_strings on, as it has by
 * default since 9.1.
 */
import { MAX_L7_TEXT } from '../../wire/l7.ts';
import { safeText } from './redact.ts';

export type SqlDialect = 'postgresql' | 'mysql';

/** Characters that are read of a statement. */
const MAX_READ = 8 * 1024;

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKTICK = 0x60;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const HASH = 0x23;
const AMPERSAND = 0x26;
const QUESTION = 0x3f;
const DOT = 0x2e;

/** The statement's form, at most MAX_L7_TEXT characters. */
export function sqlFingerprint(statement: string, dialect: SqlDialect): string {
  const reader = new Reader(statement.length > MAX_READ ? statement.slice(0, MAX_READ) : statement, dialect);
  return safeText(reader.read());
}

/** First word of a fingerprint, upper case: `SELECT`. */
export function sqlKind(fingerprint: string): string {
  return (/[a-z]{1,32}/i.exec(fingerprint)?.[0] ?? '').toUpperCase();
}

class Reader {
  readonly #text: string;
  readonly #isMysql: boolean;
  #at = 0;
  /** Tokens of the form; whether a space stands before each is told apart by #spaced. */
  readonly #tokens: string[] = [];
  readonly #spaced: boolean[] = [];
  #space = false;
  #length = 0;
  /** The literal before was a PostgreSQL E'…' string, which goes on in the next quotes after a new line. */
  #afterEscape = false;

  constructor(text: string, dialect: SqlDialect) {
    this.#text = text;
    this.#isMysql = dialect === 'mysql';
  }

  read(): string {
    const text = this.#text;
    while (this.#at < text.length && this.#length < 2 * MAX_L7_TEXT) {
      const code = text.charCodeAt(this.#at);
      if (code <= 0x20 || code === 0x7f || code === 0xa0 || code === 0xfeff) {
        this.#space = true;
        this.#at += 1;
      } else if (!this.#comment(code)) this.#token(code);
    }
    let form = '';
    for (const [index, token] of this.#tokens.entries())
      form += this.#spaced[index] && form !== '' ? ` ${token}` : token;
    return form.replace(/[;\s]+$/, '');
  }

  #token(code: number): void {
    const wasEscape = this.#afterEscape;
    this.#afterEscape = false;
    if (code === QUOTE) this.#string(QUOTE, this.#isMysql || wasEscape, wasEscape);
    else if (code === DOUBLE_QUOTE && this.#isMysql) this.#string(DOUBLE_QUOTE, true, false);
    else if (code === DOUBLE_QUOTE || (code === BACKTICK && this.#isMysql)) this.#name(code);
    else if (code === DOLLAR) this.#dollar();
    else if (isDigit(code) || (code === DOT && isDigit(this.#text.charCodeAt(this.#at + 1)))) this.#number();
    else if (isWord(code)) this.#word();
    else this.#sign(code);
  }

  /** Skips a comment; false if none begins here. */
  #comment(code: number): boolean {
    const next = this.#text.charCodeAt(this.#at + 1);
    if (code === DASH && next === DASH) {
      // MySQL: `5--3` is a difference.
      const after = this.#text.charCodeAt(this.#at + 2);
      if (this.#isMysql && after > 0x20) return false;
    } else if (code === SLASH && next === STAR) {
      this.#blockComment();
      return true;
    } else if (code !== HASH || !this.#isMysql) return false;
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end;
    this.#space = true;
    return true;
  }

  #blockComment(): void {
    // They nest in PostgreSQL.
    let depth = 0;
    const text = this.#text;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      const next = text.charCodeAt(this.#at + 1);
      if (code === SLASH && next === STAR && (depth === 0 || !this.#isMysql)) depth += 1;
      else if (code === STAR && next === SLASH) depth -= 1;
      else {
        this.#at += 1;
        continue;
      }
      this.#at += 2;
      if (depth === 0) break;
    }
    this.#space = true;
  }

  #string(quote: number, hasEscapes: boolean, isEscapeString: boolean): void {
    const text = this.#text;
    let at = this.#at + 1;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH && hasEscapes) at += 1;
      else if (code === quote) {
        if (text.charCodeAt(at + 1) !== quote) break;
        at += 1;
      }
    }
    this.#at = at + 1;
    this.#afterEscape = isEscapeString;
    this.#literal();
  }

  /** A quoted name is kept, but not half of one: it may be a string of another dialect. */
  #name(quote: number): void {
    const end = this.#text.indexOf(String.fromCharCode(quote), this.#at + 1);
    if (end < 0) {
      this.#at = this.#text.length;
      return;
    }
    const name = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    this.#add(name);
  }

  /** `$1`, or a PostgreSQL string `$tag$…$tag$`. */
  #dollar(): void {
    const text = this.#text;
    let end = this.#at + 1;
    if (this.#isMysql) {
      this.#word();
      return;
    }
    while (end < text.length && isWord(text.charCodeAt(end)) && text.charCodeAt(end) !== DOLLAR) end += 1;
    if (isDigit(text.charCodeAt(this.#at + 1)) || (end < text.length && text.charCodeAt(end) !== DOLLAR)) {
      this.#at = end;
      this.#literal();
      return;
    }
    const tag = text.slice(this.#at, end + 1);
    const close = end < text.length ? text.indexOf(tag, end + 1) : -1;
    this.#at = close < 0 ? text.length : close + tag.length;
    this.#literal();
  }

  /** And whatever is stuck to it: `0xff`, `1e-5`, `12abc`. */
  #number(): void {
    const text = this.#text;
    let at = this.#at;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (isWord(code) || code === DOT) continue;
      const isExponent = (code === DASH || code === 0x2b) && (text.charCodeAt(at - 1) | 0x20) === 0x65;
      if (!isExponent || !isDigit(text.charCodeAt(at + 1))) break;
    }
    this.#at = at;
    this.#literal();
  }

  #word(): void {
    const text = this.#text;
    let end = this.#at + 1;
    while (end < text.length && isWord(text.charCodeAt(end))) end += 1;
    const next = text.charCodeAt(end);
    const word = text.slice(this.#at, end);
    // E'…', B'…', X'…', N'…', U&'…', _utf8mb4'…': the word belongs to the literal.
    if (next === QUOTE || (next === DOUBLE_QUOTE && this.#isMysql)) {
      const isEscape = !this.#isMysql && (word === 'E' || word === 'e');
      this.#at = end;
      this.#string(next, this.#isMysql || isEscape, isEscape);
      return;
    }
    this.#at = end;
    this.#add(word);
  }

  #sign(code: number): void {
    this.#at += 1;
    // PostgreSQL's U&'…': what stands before the quotes belongs to the literal.
    if (code === AMPERSAND && this.#text.charCodeAt(this.#at) === QUOTE && /^u$/i.test(this.#tokens.at(-1) ?? '')) {
      this.#drop(1);
      this.#string(QUOTE, this.#isMysql, false);
      return;
    }
    // A placeholder; in PostgreSQL it is an operator.
    if (code === QUESTION && this.#isMysql) this.#literal();
    else this.#add(String.fromCharCode(code));
  }

  #add(token: string): void {
    this.#tokens.push(token);
    this.#spaced.push(this.#space);
    this.#space = false;
    this.#length += token.length + 1;
    if (token === ')') this.#collapseRows();
  }

  /** Adds a `?`, or none if it is one more of a list. A sign before it belongs to it. */
  #literal(): void {
    const sign = this.#tokens.at(-1);
    if ((sign === '-' || sign === '+') && isOperand(this.#tokens.at(-2))) this.#drop(1);
    if (this.#tokens.at(-1) === ',' && this.#tokens.at(-2) === '?') {
      this.#drop(1);
      this.#space = false;
      return;
    }
    this.#add('?');
  }

  /** `(?), (?)` -> `(?)`. */
  #collapseRows(): void {
    const tail = this.#tokens.slice(-7);
    if (tail.join('') === '(?),(?)') this.#drop(4);
  }

  #drop(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.#length -= (this.#tokens.pop()?.length ?? 0) + 1;
      this.#space = this.#spaced.pop() ?? false;
    }
  }
}

/** Whether what follows such a token is a value of its own, so that `-` is a sign there. */
function isOperand(before: string | undefined): boolean {
  if (before === undefined) return true;
  return (
    /^[(,=<>+\-*/%|&^!:[]$/.test(before) ||
    /^(select|values?|in|and|or|not|like|between|limit|offset|then|else|when|return|by|is)$/i.test(before)
  );
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A character of names: letters, digits, `_`, `$`, whatever is not ASCII. */
function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    isDigit(code) ||
    code === 0x5f ||
    code === DOLLAR ||
    code >= 0x80
  );
}
