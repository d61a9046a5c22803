/** Where Spyglass itself lies: the same from the sources and from the build. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder with our package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The built module of a source below server/, such as `cli/main`. */
export const builtModule = (module: string): string => join(packageRoot(), 'dist/server', `${module}.js`);
