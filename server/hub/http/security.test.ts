import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../base/loopback.ts';
import { refusal } from './security.ts';

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
    expect(refusal({ headers, url: '/' })?.status ?? null).toBe(status);
  });

  it('bounds the URL', () => {
    expect(refusal({ headers: { host: 'localhost' }, url: `/${'a'.repeat(9000)}` })?.status).toBe(414);
  });
});
