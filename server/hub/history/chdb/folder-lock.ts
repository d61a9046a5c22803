/** One store process a folder: two engines over the same files would destroy them. */
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../../base/failure.ts';

/** Holds the lock until this process ends, however it ends. Throws a Failure if another one has it. */
export function lockFolder(folder: string): void {
  const file = openSync(join(folder, 'lock'), 'a', 0o600);
  // flock(1) locks the open file it inherits; the lock stays with our descriptor when it ends.
  const { status, error } = spawnSync('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', file] });
  if (error !== undefined) throw new Failure(`flock cannot be run: ${error.message}; install util-linux`);
  if (status !== 0) {
    throw new Failure(`another hub uses ${folder}: stop it, or give this one its own folder with --store chdb:DIR`);
  }
}
