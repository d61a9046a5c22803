/**
 * Files of tokens, one a line: `NAME:sha256-HEX` for everything, or `NAME:sha256-HEX:A,B` for some (namespaces of
 * readers, nodes of agents). The hub keeps only hashes. Tokens have 256 random bits, so a fast hash is as good as a
 * slow one, and needs no salt.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { Failure, sentence } from '../../base/failure.ts';

const PREFIX = 'spyglass_';
const TOKEN_BYTES = 32;
const MAX_FILE = 1024 * 1024;
const MAX_ENTRIES = 5000;
/** A change of the file counts after so long at most. */
const LOOK_MS = 1000;
/** Names as Kubernetes allows them for namespaces and nodes. */
const LINE = /^([A-Za-z0-9][A-Za-z0-9._@-]{0,127}):sha256-([0-9a-f]{64})(?::([a-z0-9]([a-z0-9.,-]*[a-z0-9])?))?$/;

export interface TokenEntry {
  name: string;
  hash: Buffer;
  /** Null for everything. */
  scope: readonly string[] | null;
}

export function newToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The line for a token; `scope` null for everything. */
export function tokenLine(name: string, token: string, scope: readonly string[] | null): string {
  const line = `${name}:sha256-${hashOf(token).toString('hex')}${scope === null ? '' : `:${scope.join(',')}`}`;
  if (LINE.test(line)) return line;
  throw new Failure(
    'A name has letters, digits and ". _ @ -", at most 128; what it is for has lower-case letters, digits, "-" and ".".',
  );
}

export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export class TokenFile {
  readonly #path: string;
  readonly #log: Logger;
  #entries: readonly TokenEntry[];
  #seen: string;
  #lookedAt = Date.now();

  /** Throws a Failure if the file cannot be read or has a line that is none. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    try {
      this.#seen = stampOf(path);
      const { entries, bad } = read(path);
      if (bad.length > 0) throw new Error(wrongLines(bad));
      this.#entries = entries;
    } catch (error) {
      throw new Failure(
        `The tokens in ${path} cannot be used: ${sentence(error)}; "spyglass token NAME" makes a line.`,
        { cause: error },
      );
    }
  }

  /** The entry of a token, null if there is none. Takes the same time wherever it stands. */
  find(token: string): TokenEntry | null {
    this.#look();
    const hash = hashOf(token);
    let found: TokenEntry | null = null;
    for (const entry of this.#entries) if (timingSafeEqual(entry.hash, hash)) found = entry;
    return found;
  }

  /** Reads the file again if it has changed. What cannot be read any more admits nobody. */
  #look(): void {
    const now = Date.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    try {
      const stamp = stampOf(this.#path);
      if (stamp === this.#seen) return;
      this.#seen = stamp;
      const { entries, bad } = read(this.#path);
      this.#entries = entries;
      if (bad.length > 0) this.#log.error({ file: this.#path }, `tokens left out: ${wrongLines(bad)}`);
      else this.#log.info({ file: this.#path, tokens: entries.length }, 'tokens were read again');
    } catch (error) {
      if (this.#entries.length === 0) return;
      this.#entries = [];
      this.#seen = '';
      this.#log.error({ file: this.#path }, `no token is admitted: ${sentence(error)}`);
    }
  }
}

/** Differs when the file, or what a link leads to, was written or replaced. */
function stampOf(path: string): string {
  const { mtimeMs, ctimeMs, ino, size } = statSync(path);
  return `${mtimeMs} ${ctimeMs} ${ino} ${size}`;
}

/** The entries, and the numbers of lines that are none: their text may hold a token. */
function read(path: string): { entries: TokenEntry[]; bad: number[] } {
  if (statSync(path).size > MAX_FILE) throw new Error(`the file is larger than ${MAX_FILE} bytes`);
  const entries = new Map<string, TokenEntry>();
  const bad: number[] = [];
  for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name, hash, scope] = LINE.exec(line) ?? [];
    const isNew = name !== undefined && hash !== undefined && !entries.has(name) && entries.size < MAX_ENTRIES;
    if (!isNew) bad.push(index + 1);
    else entries.set(name, { name, hash: Buffer.from(hash, 'hex'), scope: scope?.split(',') ?? null });
  }
  return { entries: [...entries.values()], bad };
}

function wrongLines(bad: readonly number[]): string {
  const lines = bad.slice(0, 5).join(', ');
  return `line ${lines} is not NAME:sha256-HEX or NAME:sha256-HEX:A,B, or its name is given twice`;
}
