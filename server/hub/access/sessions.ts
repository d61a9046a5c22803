/**
 * Logins of browsers. A page has a cookie that means something only to this hub; the token stays here, in memory, and
 * is asked about again as often as one that is sent.
 */
import { randomBytes } from 'node:crypto';
import { ExpiringMap } from './expiring-map.ts';
import { hashOf } from './token-file.ts';

export const SESSION_COOKIE = 'spyglass_session';
const LIFE_S = 12 * 3600;
const MAX_SESSIONS = 10_000;
/** Of one token; with more the oldest ends, so that nobody can end the logins of others. */
const MAX_OF_TOKEN = 50;
const ID_BYTES = 32;

export class Sessions {
  /** Tokens by the hash of the session's id, so that looking it up takes the same time for every wrong id. */
  readonly #tokens = new ExpiringMap<string, string>(LIFE_S * 1000, MAX_SESSIONS);
  /** Hashes of ids by the hash of the token they were begun with, the oldest first. */
  readonly #ofToken = new ExpiringMap<string, string[]>(LIFE_S * 1000, MAX_SESSIONS);

  /** Begins a session; gives its id. */
  begin(token: string): string {
    const id = randomBytes(ID_BYTES).toString('base64url');
    const own = (this.#ofToken.get(keyOf(token)) ?? []).filter((key) => this.#tokens.get(key) !== undefined);
    own.push(keyOf(id));
    for (const key of own.splice(0, Math.max(0, own.length - MAX_OF_TOKEN))) this.#tokens.delete(key);
    this.#ofToken.set(keyOf(token), own);
    this.#tokens.set(keyOf(id), token);
    return id;
  }

  /** The token it was begun with, null if it has ended. */
  token(id: string): string | null {
    return this.#tokens.get(keyOf(id)) ?? null;
  }

  end(id: string): void {
    this.#tokens.delete(keyOf(id));
  }
}

function keyOf(id: string): string {
  return hashOf(id).toString('hex');
}

/** The value of Set-Cookie; `id` null ends it. Other sites cannot make a browser send it. */
export function sessionCookie(id: string | null, isSecure: boolean): string {
  const life = id === null ? 0 : LIFE_S;
  return `${SESSION_COOKIE}=${id ?? ''}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** The session's id in a Cookie header, null if there is none. */
export function sessionId(header: string | undefined): string | null {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === SESSION_COOKIE) return part.slice(at + 1).trim() || null;
  }
  return null;
}
