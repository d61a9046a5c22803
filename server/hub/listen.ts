/** Listening on an address of this machine, with a sentence for people if that is not possible. */
import type { Server } from 'node:net';
import { Failure, hasCode, sentence } from '../base/failure.ts';
import { isLoopback } from '../base/loopback.ts';

export interface ListenPlace {
  /** Name or address, IPv6 in brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

/**
 * `what` listens where `option` of the command line says; on other addresses than loopback only if it `isGuarded`:
 * asks who somebody is. Throws a Failure if it cannot, or must not.
 */
export async function listen(
  server: Server,
  { host, port }: ListenPlace,
  { what, option, isGuarded }: { what: string; option: string; isGuarded: boolean },
): Promise<void> {
  if (!isGuarded) refuseForeign(host, what);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    throw new Failure(listenSentence(error, `${what} cannot listen on ${host}:${port}`, option), { cause: error });
  });
}

function refuseForeign(host: string, what: string): void {
  if (isLoopback(host)) return;
  throw new Failure(
    `${what} does not listen on ${host}: without authentication it serves only this machine; use 127.0.0.1, [::1] or localhost, or --auth token or kubernetes.`,
  );
}

function listenSentence(error: unknown, failed: string, option: string): string {
  if (hasCode(error, 'EADDRINUSE')) {
    return `${failed}, because another process does; stop it, or choose another port with ${option}.`;
  }
  if (hasCode(error, 'EACCES')) {
    return `${failed}, because only root may; choose a port above 1023 with ${option}, or run as root.`;
  }
  return `${failed}: ${sentence(error)}; choose another address with ${option}.`;
}
