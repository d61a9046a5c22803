/** What a request sends to prove who it is from. */
import type { Credential } from './access.ts';
import { sessionId } from './sessions.ts';

/** A bearer token (RFC 6750), or the password of basic authentication (RFC 7617), which is what the hubble command has. */
export function credentialOf(authorization: string | undefined, cookie: string | undefined): Credential {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { token: value };
  if (scheme !== '') {
    const text = Buffer.from(value, 'base64').toString('utf8');
    return { token: text.slice(text.indexOf(':') + 1) };
  }
  // What cannot be read is a wrong token: a cookie must not stand in for it.
  if (authorization !== undefined) return { token: '' };
  const session = sessionId(cookie);
  return session === null ? null : { session };
}
