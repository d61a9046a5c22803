/** What becomes of a certificate that is renewed badly. */
import { writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { TestCertificate } from './testing/certificate.ts';
import { TlsFiles } from './tls-files.ts';

it('files that cannot be used are told once, however long they stay so', () => {
  using certificate = new TestCertificate();
  const logged: number[] = [];
  const log = pino({}, { write: (line: string) => void logged.push((JSON.parse(line) as { level: number }).level) });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const files = new TlsFiles(certificate.certFile, certificate.keyFile, log);
  try {
    const { key } = certificate;
    writeFileSync(certificate.keyFile, '');
    vi.advanceTimersByTime(10_000);
    expect(logged).toEqual([50]);
    writeFileSync(certificate.keyFile, key);
    vi.advanceTimersByTime(10_000);
    expect(logged).toEqual([50, 30]);
  } finally {
    files.stop();
    vi.useRealTimers();
  }
});
