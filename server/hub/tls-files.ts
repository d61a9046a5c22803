/** The certificate and key that the hub serves with. They are looked at every second: renewed files count without a restart. */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';
import { Failure, sentence } from '../base/failure.ts';

const LOOK_MS = 1000;

/** A server that takes over new certificates. */
interface TlsServer {
  setSecureContext(options: SecureContextOptions): void;
}

export class TlsFiles {
  readonly #paths: readonly [cert: string, key: string];
  readonly #log: Logger;
  readonly #servers = new Set<TlsServer>();
  readonly #timer: NodeJS.Timeout;
  #context: SecureContextOptions;
  #seen: string;

  /** PEM files. Throws a Failure if they cannot be used. */
  constructor(cert: string, key: string, log: Logger) {
    this.#paths = [cert, key];
    this.#log = log;
    try {
      this.#seen = this.#stamp();
      this.#context = this.#read();
    } catch (error) {
      throw new Failure(
        `The certificate ${cert} and the key ${key} cannot be used: ${sentence(error)}; give PEM files that belong together with --tls-cert and --tls-key.`,
        { cause: error },
      );
    }
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Options for a server that is to be made now; `follow` gives it later ones. */
  get context(): SecureContextOptions {
    return this.#context;
  }

  follow(server: TlsServer): void {
    this.#servers.add(server);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Files that cannot be used, half written ones for example, leave the former in force. */
  #look(): void {
    try {
      const stamp = this.#stamp();
      if (stamp === this.#seen) return;
      this.#context = this.#read();
      for (const server of this.#servers) server.setSecureContext(this.#context);
      this.#seen = stamp;
      this.#log.info('the certificate was read again');
    } catch (error) {
      if (this.#seen === '') return;
      this.#seen = '';
      this.#log.error(`the certificate cannot be read again, the former stays in use: ${sentence(error)}`);
    }
  }

  #read(): SecureContextOptions {
    const [cert, key] = this.#paths.map((path) => readFileSync(path));
    if (cert === undefined || key === undefined) throw new Error('a file is missing');
    const context: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' };
    createSecureContext(context);
    return context;
  }

  #stamp(): string {
    return this.#paths
      .map((path) => statSync(path))
      .map(({ mtimeMs, ctimeMs, ino, size }) => `${mtimeMs} ${ctimeMs} ${ino} ${size}`)
      .join(', ');
  }
}
