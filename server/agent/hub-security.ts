/** How an agent proves to a hub which node it speaks for, and knows that it is the hub. */
import { readFileSync } from 'node:fs';
import type { ClientOptions } from 'ws';
import { readSecret } from '../base/secret-file.ts';

export interface HubSecurity {
  /** File with the agent's token; undefined for none. */
  tokenFile: string | undefined;
  /** File with the certificates that are trusted in place of the system's, PEM. */
  caFile: string | undefined;
}

/** For each connection anew, because Kubernetes renews tokens and certificates in place. Throws if a file cannot be read. */
export function connectOptions({ tokenFile, caFile }: HubSecurity): Pick<ClientOptions, 'headers' | 'ca'> {
  return {
    ...(tokenFile !== undefined && { headers: { Authorization: `Bearer ${readSecret(tokenFile)}` } }),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
  };
}
