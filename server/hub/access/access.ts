/**
 * Who may use this hub, and what they may see. Everything that comes in asks here once; what stays open is asked about
 * again every few seconds, and ended when its token is good no more, or good for something else.
 */
import type { Logger } from 'pino';
import { Problem } from '../http/problem.ts';
import type { AgentAccount, FindAgent, FindReader, Reader } from './accounts.ts';
import { ExpiringMap } from './expiring-map.ts';
import { RateLimit } from './rate-limit.ts';
import { Sessions } from './sessions.ts';
import { hashOf } from './token-file.ts';
import { Visibility } from './visibility.ts';

export type AuthMode = 'none' | 'token' | 'kubernetes';

export interface AccessOptions {
  mode: AuthMode;
  /** Null: everybody reads everything. */
  readers: FindReader | null;
  /** Null: everybody may speak for every node. */
  agents: FindAgent | null;
}

/** What was sent to prove who one is; null if nothing was. */
export type Credential = { token: string } | { session: string } | null;

/** That somebody was let in. */
interface Admitted {
  readonly name: string;
  /** Why they may stay no longer; null if they may. */
  check(): Promise<string | null>;
}

export interface Admission extends Admitted {
  readonly reader: Reader;
}

export interface AgentAdmission extends Admitted {
  readonly account: AgentAccount;
}

/** Open streams are asked about so often. */
export const RECHECK_MS = 3000;
/** Wrong tokens that one address may try at once, and how soon it may try again. */
const ATTEMPTS = { burst: 10, perSecond: 0.2 };
/** Tokens of one address that are looked up at once, beside those that were good lately. */
const MAX_ASKED = 64;
/** Requests of one reader. */
const REQUESTS = { burst: 400, perSecond: 100 };
/** Streams of one reader that are open at once. */
const MAX_STREAMS = 200;
/** Longest token that is looked at; those of Kubernetes have some kilobytes. */
const MAX_TOKEN = 16 * 1024;
const GOOD_LIFE_MS = 600_000;
const MAX_GOOD = 10_000;
/** A failing API server is told in the log so often. */
const COMPLAINT_MS = 30_000;

const FOR_EVER = { name: '', check: () => Promise.resolve(null) };
const EVERYBODY: Admission = { ...FOR_EVER, reader: { name: '', visibility: Visibility.ALL } };
const ANY_AGENT: AgentAdmission = { ...FOR_EVER, account: { name: '', nodes: null } };
const REVOKED = 'the token is not good any more';
const CHANGED = 'what the token may see has changed';

interface Open {
  admitted: Admitted;
  /** An answer is on its way. */
  isAsked: boolean;
  end: (why: string) => void;
}

export class Access {
  readonly mode: AuthMode;
  readonly sessions = new Sessions();
  readonly #readers: FindReader | null;
  readonly #agents: FindAgent | null;
  readonly #log: Logger;
  readonly #attempts = new RateLimit(ATTEMPTS.perSecond, ATTEMPTS.burst);
  readonly #requests = new RateLimit(REQUESTS.perSecond, REQUESTS.burst);
  /** Hashes of tokens that were good lately: whoever else tries from their address does not lock them out. */
  readonly #good = new ExpiringMap<string, true>(GOOD_LIFE_MS, MAX_GOOD);
  /** How many unknown tokens are looked up now, by address. */
  readonly #asked = new Map<string, number>();
  readonly #open = new Set<Open>();
  readonly #timer: NodeJS.Timeout;
  #complainedAt = 0;

  constructor({ mode, readers, agents }: AccessOptions, log: Logger) {
    this.mode = mode;
    this.#readers = readers;
    this.#agents = agents;
    this.#log = log;
    this.#timer = setInterval(() => this.#recheck(), RECHECK_MS);
  }

  /** Lets a reader in, or rejects with a Problem. `client` is the address they come from. */
  async admit(credential: Credential, client: string): Promise<Admission> {
    const find = this.#readers;
    if (find === null) return EVERYBODY;
    const token = this.#tokenOf(credential);
    const reader = token === null ? null : await this.#check(token, client, find);
    if (reader === null) throw unknown(credential);
    if (!this.#requests.take(reader.name)) {
      throw new Problem(429, 'That are too many requests; slow down.', {
        'Retry-After': String(this.#requests.waitS(reader.name)),
      });
    }
    const check = async (): Promise<string | null> => {
      const current = this.#tokenOf(credential);
      const now = current === null ? null : await this.#ask(current, find);
      if (now === null) return REVOKED;
      return now.visibility.key === reader.visibility.key ? null : CHANGED;
    };
    return { name: reader.name, reader, check };
  }

  /** The agent that bears a token. Rejects with a Problem. */
  async admitAgent(credential: Credential, client: string): Promise<AgentAdmission> {
    const find = this.#agents;
    if (find === null) return ANY_AGENT;
    const token = credential !== null && 'token' in credential ? credential.token : null;
    const account = token === null ? null : await this.#check(token, client, find);
    if (token === null || account === null) {
      throw new Problem(401, 'The hub asks agents for a token; give this one a good one with --agent-token-file.');
    }
    const check = async (): Promise<string | null> => {
      const now = await this.#ask(token, find);
      if (now === null) return REVOKED;
      return String(now.nodes) === String(account.nodes) ? null : CHANGED;
    };
    return { name: account.name, account, check };
  }

  /** Calls `end` when what was let in may stay no longer. Call the result when it has ended by itself. */
  watch(admitted: Admitted, end: (why: string) => void): () => void {
    if (admitted.check === FOR_EVER.check) return () => undefined;
    const open: Open = { admitted, isAsked: false, end };
    this.#open.add(open);
    return () => void this.#open.delete(open);
  }

  /** Throws a Problem if the reader has too many streams open. */
  refuseStreams({ name }: Admission): void {
    let count = 0;
    for (const { admitted } of this.#open) if (admitted.name === name) count += 1;
    if (count >= MAX_STREAMS) throw new Problem(429, `${MAX_STREAMS} requests and streams are open already; end some.`);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tokenOf(credential: Credential): string | null {
    if (credential === null) return null;
    return 'token' in credential ? credential.token : this.sessions.token(credential.session);
  }

  async #check<T>(token: string, client: string, find: (token: string) => Promise<T | null>): Promise<T | null> {
    const key = hashOf(token).toString('hex');
    const isGood = this.#good.get(key) !== undefined;
    if (!isGood) this.#refuseTries(client);
    const found =
      token === '' || token.length > MAX_TOKEN ? null : await this.#lookUp(token, isGood ? null : client, find);
    if (found === null) {
      this.#good.delete(key);
      this.#attempts.take(client);
    } else this.#good.set(key, true);
    return found;
  }

  /** Throws a Problem for who tried too many wrong tokens, or tries too many at once: what is slow to answer has few turns. */
  #refuseTries(client: string): void {
    const waitS = this.#attempts.waitS(client);
    if (waitS === 0 && (this.#asked.get(client) ?? 0) < MAX_ASKED) return;
    const seconds = Math.max(1, waitS);
    throw new Problem(429, `Too many wrong tokens came from this address; try again in ${seconds} s.`, {
      'Retry-After': String(seconds),
    });
  }

  /** `client`: whose turn it takes, null for nobody's. */
  async #lookUp<T>(token: string, client: string | null, find: (token: string) => Promise<T>): Promise<T> {
    if (client === null) return this.#ask(token, find);
    this.#asked.set(client, (this.#asked.get(client) ?? 0) + 1);
    try {
      return await this.#ask(token, find);
    } finally {
      const left = (this.#asked.get(client) ?? 1) - 1;
      if (left === 0) this.#asked.delete(client);
      else this.#asked.set(client, left);
    }
  }

  async #ask<T>(token: string, find: (token: string) => Promise<T>): Promise<T> {
    try {
      return await find(token);
    } catch (error) {
      const now = Date.now();
      if (now - this.#complainedAt > COMPLAINT_MS) {
        this.#complainedAt = now;
        this.#log.error(`tokens cannot be checked: ${error instanceof Error ? error.message : 'unknown reason'}`);
      }
      throw new Problem(503, 'The hub cannot check the token now; its log says why. Try again.', {
        'Retry-After': '5',
      });
    }
  }

  /** Each by itself: an answer that is slow to come for one must not keep others in. */
  #recheck(): void {
    for (const open of this.#open) if (!open.isAsked) void this.#askAgain(open);
  }

  /** Ends what is open and may not be any more, or of which that cannot be found out. */
  async #askAgain(open: Open): Promise<void> {
    open.isAsked = true;
    const why = await open.admitted.check().catch(() => REVOKED);
    open.isAsked = false;
    if (why !== null && this.#open.delete(open)) open.end(why);
  }
}

function unknown(credential: Credential): Problem {
  const isSession = credential !== null && 'session' in credential;
  const detail =
    credential === null
      ? 'The hub asks for a token; send it as "Authorization: Bearer TOKEN", or log in.'
      : isSession
        ? 'The login has ended; log in again.'
        : 'The hub does not know this token, or it is good no more.';
  return new Problem(401, detail, { 'WWW-Authenticate': 'Bearer realm="spyglass"' });
}
