import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../base/loopback.ts';
import { type Hosts, refusal } from './security.ts';

const OPEN: Hosts = { allowed: new Set(), isGuarded: false };
const GUARDED: Hosts = { allowed: new Set(['spyglass.example']), isGuarded: true };
const AUTHORIZATION = 'Bearer x';

describe('which requests are answered', () => {
  it.each(['localhost', '127.0.0.1', '127.8.8.8', '[::1]', '::1', 'LOCALHOST'])('%s is this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['', '0.0.0.0', '10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com', '[::]', '::ffff:127.0.0.1'])(
    '%j is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );

  it.each([
    [{ host: 'localhost:12000' }, null],
    [{ host: '[::1]:12000' }, null],
    [{ host: 'localhost:12000', origin: 'http://localhost:12000' }, null],
    [{ host: 'evil.example:12000' }, 403],
    [{}, 403],
    [{ host: 'localhost:12000', origin: 'http://evil.example' }, 403],
    [{ host: 'localhost:12000', origin: 'http://localhost:3000' }, 403],
    [{ host: 'localhost:12000', origin: 'null' }, 403],
  ])('%j: %s', (headers, status) => {
    expect(refusal({ headers, url: '/' }, OPEN)?.status ?? null).toBe(status);
  });

  it.each([
    [{ host: 'spyglass.example' }, null],
    [{ host: 'SPYGLASS.example:443', origin: 'https://SPYGLASS.example:443' }, null],
    [{ host: 'spyglass.example', origin: 'https://evil.example' }, 403],
    [{ host: '10.1.2.3:12000' }, null],
    [{ host: '[2001:db8::1]:12000' }, null],
    [{ host: 'hub.spyglass.svc:12000' }, 403],
    [{ host: 'hub.spyglass.svc:12000', authorization: AUTHORIZATION }, null],
    [{ host: 'evil.example', origin: 'http://evil.example', authorization: AUTHORIZATION }, 403],
  ])('%j: %s where tokens are asked for', (headers, status) => {
    expect(refusal({ headers, url: '/' }, GUARDED)?.status ?? null).toBe(status);
  });

  it.each(['10.1.2.3:12000', 'hub.spyglass.svc:12000'])(
    'no token makes up for the host %s where none is asked for',
    (host) => {
      expect(refusal({ headers: { host, authorization: AUTHORIZATION }, url: '/' }, OPEN)?.status).toBe(403);
    },
  );

  it('bounds the URL', () => {
    expect(refusal({ headers: { host: 'localhost' }, url: `/${'a'.repeat(9000)}` }, OPEN)?.status).toBe(414);
  });
});
