/** What the store process tells the hub, and where it listens. */
import { join } from 'node:path';

/** Once: that it answers, or why it does not. */
export type StoreMessage = { ready: true } | { problem: string };

export const storeSocket = (folder: string): string => join(folder, 'socket');
/** unix(7): sun_path has 108 bytes, the last one is 0. */
export const MAX_SOCKET_PATH = 107;
