/** Files with one secret, such as a token. */
import { readFileSync } from 'node:fs';
import { Failure, sentence } from './failure.ts';

/** The file's text without white space around it. Throws a Failure, which has nothing of it. */
export function readSecret(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Failure(`The token in ${path} cannot be read: ${sentence(error)}.`, { cause: error });
  }
  // Anything else could not stand in a header, and an error would print it.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Failure(`The file ${path} does not hold one token.`);
  return text;
}
