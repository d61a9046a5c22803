/** A filter as a command line, to go on with in a terminal. */
import type { FlowFilter } from '../../../server/wire/live.ts';

/** `hubble observe --from-pod shop/web --not --port 53`. */
export function observeCommand(filter: FlowFilter): string {
  const flags = Object.entries(filter).flatMap(([name, values]) => {
    const isNot = name.startsWith('not.');
    const flag = isNot ? name.slice(4) : name;
    // The command has no 5xx: it writes 5+.
    const written = (value: string): string => (flag === 'http-status' ? value.replace(/x+$/i, '+') : value);
    return values.map((value) => `${isNot ? '--not ' : ''}--${flag} ${shellWord(written(value))}`);
  });
  return ['hubble observe --server localhost:4245', ...flags, '--follow'].join(' ');
}

/** `curl 'http://…/api/v1/flows?…'`, as the hub of this page answers it. */
export function curlCommand(filter: FlowFilter, origin: string): string {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(filter)) for (const value of values) query.append(name, value);
  query.set('last', '100');
  return `curl ${shellWord(`${origin}/api/v1/flows?${query.toString()}`)}`;
}

function shellWord(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
