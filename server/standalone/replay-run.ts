/** What `spyglass up` does where there can be no datapath: a hub in this process, and the folder's recording played into it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { startHub } from '../hub/hub.ts';
import { NO_CREDENTIALS } from '../recording/hub-credentials.ts';
import { play, survey } from '../recording/player.ts';
import type { UpOptions } from './node-run.ts';
import { checkPort } from './preflight.ts';
import type { Progress } from './progress.ts';

/** Name of the recording in a folder of manifests. */
const RECORDING = 'demo.recording';
const MEMORY = 256 * 1024 * 1024;

/** Path of the folder's recording, null if there is none. */
export function recordingOf(folder: string): string | null {
  const path = join(folder, RECORDING);
  return existsSync(path) ? path : null;
}

/** Plays the recording, over and over, until `stopping`. Throws a Failure if it cannot. */
export async function runReplay(
  path: string,
  options: UpOptions,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  const { port, grpcPort } = options;
  const surveyed = await survey(path);
  await checkPort(port, '--port');
  if (grpcPort !== 0) await checkPort(grpcPort, '--grpc-port');
  const hub = await startHub({
    host: '127.0.0.1',
    port,
    memory: MEMORY,
    history: null,
    version: options.version,
    grpc: grpcPort === 0 ? null : { host: '127.0.0.1', port: grpcPort },
    // Standard error is what people read here; a hub's news about each connection is not for them.
    log: pino({ name: 'hub', level: 'error' }, pino.destination({ fd: 2, sync: true })),
  });
  try {
    const recorded = new Date(surveyed.firstUs / 1000).toISOString().slice(0, 10);
    const seconds = Math.round((surveyed.lastUs - surveyed.firstUs) / 1e6);
    progress.tell(`\n  http://localhost:${port}\n\nREPLAY of ${seconds} s recorded on ${recorded}. Ctrl-C stops it.`);
    await play(path, surveyed, { hub: hub.url, connect: NO_CREDENTIALS, speed: 1, loop: true, signal: stopping });
  } finally {
    await hub.close();
  }
}
