/**
 * Cluster state through a file: `spyglass up` writes it, the agent reads and watches it. The file is
 * JSON of ClusterState, replaced whole, written by this build for this build.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure, sentence } from '../base/failure.ts';
import { writeFileAtomic } from './atomic-file.ts';
import type { ClusterSource, ClusterState } from './model.ts';
import { watchFolder } from './watch-folder.ts';

const QUIET_MS = 5;

/** Where a node's state lies within its state folder. */
export const clusterFile = (stateFolder: string): string => join(stateFolder, 'cluster.json');

/** Replaces the file at once. */
export function writeClusterState(path: string, state: ClusterState): void {
  writeFileAtomic(path, `${JSON.stringify(state)}\n`);
}

/** Throws a Failure if there is no such file or it is not JSON. */
export function readClusterState(path: string): ClusterState {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ClusterState;
  } catch (error) {
    throw new Failure(`cannot read the cluster state ${path}: ${sentence(error)}; is spyglass up running?`, {
      cause: error,
    });
  }
}

/**
 * A source that follows the file. `onProblem` hears of a change that could not be read; the former
 * state stays. Throws a Failure if the file cannot be read at first.
 */
export function openStateFile(path: string, onProblem: (sentence: string) => void): ClusterSource {
  const listeners = new Set<(state: ClusterState) => void>();
  // Of no use yet, but it tells of a missing folder in a sentence; the reading that counts comes after the watch began.
  let current = readClusterState(path);
  const unwatch = watchFolder(dirname(path), QUIET_MS, (file) => file === basename(path), reload);
  try {
    current = readClusterState(path);
  } catch (error) {
    unwatch();
    throw error;
  }

  function reload(): void {
    try {
      current = readClusterState(path);
    } catch (error) {
      onProblem(sentence(error));
      return;
    }
    for (const listener of listeners) listener(current);
  }

  return {
    get current() {
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [Symbol.asyncDispose]() {
      unwatch();
      listeners.clear();
      return Promise.resolve();
    },
  };
}
