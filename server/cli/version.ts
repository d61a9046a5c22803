/** The version of this build, from its package.json. */
import { readFileSync } from 'node:fs';

export function ownVersion(): string {
  const base = new URL('../../', import.meta.url);
  const file = new URL(base.pathname.endsWith('/dist/') ? '../package.json' : 'package.json', base);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
