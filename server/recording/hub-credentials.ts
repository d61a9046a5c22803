/** How a recorder or player shows a hub who it is, and knows the hub. */
import type { ClientOptions } from 'ws';

/** Read for each connection anew: files with tokens change. */
export type HubCredentials = Pick<ClientOptions, 'headers' | 'ca'>;

export const NO_CREDENTIALS = (): HubCredentials => ({});
