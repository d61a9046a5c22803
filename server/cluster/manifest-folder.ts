/** The folder of manifests: its YAML files read at once, and read again when one of them changes. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure, sentence } from '../base/failure.ts';
import { watchFolder } from './watch-folder.ts';

const MAX_FILES = 500;
const MAX_FILE_BYTES = 1024 * 1024;
const QUIET_MS = 200;

const isManifest = (file: string): boolean => /^[^.].*\.ya?ml$/.test(file);

/**
 * Names and texts of the `.yaml` and `.yml` files right in the folder (not below it), in order of their
 * names, for planFrom. Throws a Failure if there are none or one cannot be read.
 */
export function readManifestFolder(folder: string): { name: string; text: string }[] {
  const files = manifestFiles(folder).map((name) => ({ name, text: readBounded(join(folder, name)) }));
  if (files.length > 0) return files;
  throw new Failure(`there are no manifests in ${resolve(folder)}: put .yaml files with pods and services there`);
}

/** Calls `changed` after manifests were added, changed or removed. Returns the function that ends it. */
export function watchManifestFolder(folder: string, changed: () => void): () => void {
  return watchFolder(folder, QUIET_MS, isManifest, changed);
}

function manifestFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter(isManifest).sort();
  } catch (error) {
    throw new Failure(`cannot read the folder of manifests ${resolve(folder)}: ${sentence(error)}`, { cause: error });
  }
  if (names.length > MAX_FILES) {
    throw new Failure(`${resolve(folder)} has ${names.length} manifests; at most ${MAX_FILES} are read`);
  }
  return names;
}

function readBounded(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${sentence(error)}`, { cause: error });
  }
}
