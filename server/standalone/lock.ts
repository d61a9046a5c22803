/** One `up` a node: a lock that the kernel drops with the process that holds it, however it ends. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Failure, hasCode } from '../base/failure.ts';

/** Takes the lock or throws a Failure that names the holder. Returns the function that gives it back. */
export function takeLock(path: string, nodeName: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    const file = openSync(path, 'a+');
    // flock(1) locks the open file it inherits; the lock stays with our descriptor when it ends.
    const { status, error } = spawnSync('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', file] });
    if (error !== undefined)
      throw new Failure(`cannot run flock: ${error.message}; install util-linux`, { cause: error });
    if (status !== 0) {
      closeSync(file);
      const holder = readFileSync(path, 'utf8').trim();
      throw new Failure(
        `node ${nodeName} is running already${holder === '' ? '' : ` (process ${holder})`}: stop it, or choose another name with --node`,
      );
    }
    if (isStill(path, file)) {
      ftruncateSync(file);
      writeSync(file, `${process.pid}\n`);
      return () => {
        rmSync(path, { force: true });
        closeSync(file);
        removeIfEmpty(dirname(path));
      };
    }
    // Its holder removed the file between our opening and our locking it.
    closeSync(file);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    // Another node runs, or has just removed it.
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'ENOENT')) throw error;
  }
}

function isStill(path: string, file: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(file).ino;
}
