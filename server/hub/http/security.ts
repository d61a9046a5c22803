/**
 * Which requests the hub answers at all. The Host header must name this machine, or what the hub was told to be called
 * (a page elsewhere can make its own name resolve to 127.0.0.1), and an Origin, if there is one, must be the hub's own.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../../base/loopback.ts';
import { Problem } from './problem.ts';

/** Longest request target, bytes. */
export const MAX_URL = 8192;

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export interface Hosts {
  /** Names of `--allowed-host`, lower case. */
  allowed: ReadonlySet<string>;
  /** Whether the hub asks who somebody is: its address alone then lets nobody in. */
  isGuarded: boolean;
}

/** Why the request is refused, null if it is not. */
export function refusal(request: Pick<IncomingMessage, 'headers' | 'url'>, hosts: Hosts): Problem | null {
  if ((request.url ?? '').length > MAX_URL)
    return new Problem(414, `The URL is longer than ${MAX_URL} bytes; shorten it.`);
  const { host, origin, authorization } = request.headers;
  // No page of another site can know a token.
  const isProven = hosts.isGuarded && authorization !== undefined && origin === undefined;
  if (!isProven && !isOurs(host === undefined ? '' : hostName(host), hosts)) {
    return new Problem(
      403,
      `The Host header "${(host ?? '').slice(0, 100)}" does not name this machine; use localhost or 127.0.0.1, or start the hub with --allowed-host.`,
    );
  }
  if (origin !== undefined && originHost(origin) !== host) {
    return new Problem(403, `The page ${origin.slice(0, 100)} may not use this hub; only its own pages may.`);
  }
  return null;
}

/** Addresses are what they are: only a name can be made to lead elsewhere. */
function isOurs(name: string, { allowed, isGuarded }: Hosts): boolean {
  return isLoopback(name) || allowed.has(name) || (isGuarded && isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0);
}

function hostName(host: string): string {
  return host.replace(/:\d{1,5}$/, '').toLowerCase();
}

function originHost(origin: string): string | null {
  const match = /^https?:\/\/([^/]+)$/.exec(origin);
  return match?.[1] ?? null;
}
