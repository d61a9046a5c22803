/** Where Spyglass itself lies: the same from the sources and from the build. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder with our package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/**
 * The folder node_modules that our packages lie in. It need not be ours: npm may have put them beside us,
 * and the folder may be a symbolic link to a place that pods cannot see.
 */
export function packagesFolder(): string {
  const main = createRequire(join(packageRoot(), 'package.json')).resolve('dns-packet');
  const end = main.lastIndexOf(`${sep}node_modules${sep}`);
  return join(main.slice(0, end), 'node_modules');
}

/** The built module of a source below server/, such as `cli/main`. */
export const builtModule = (module: string): string => join(packageRoot(), 'dist/server', `${module}.js`);
