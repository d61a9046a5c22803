/** A certificate for this machine that nobody else trusts, made by openssl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class TestCertificate implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'spyglass-tls-'));
  readonly certFile = join(this.folder, 'cert');
  readonly keyFile = join(this.folder, 'key');

  constructor() {
    this.renew();
  }

  get cert(): Buffer {
    return readFileSync(this.certFile);
  }

  get key(): Buffer {
    return readFileSync(this.keyFile);
  }

  /** Another certificate, in the same files. */
  renew(): void {
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', this.keyFile, '-out', this.certFile];
    execFileSync('openssl', [...request, '-days', '2', ...names, ...files], { stdio: 'ignore' });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
