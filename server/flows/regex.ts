/**
 * Regular expressions of filters: RE2's language, as in Hubble, searched for anywhere in the text. Matching takes time
 * linear in the text, whatever the expression; JavaScript's own could be made to run for hours by whoever may ask.
 */
import { RE2JS } from 're2js';
import { bad } from './filter-test.ts';

/** Time and memory grow with the expression, too. */
const MAX_LENGTH = 500;
const MAX_PROGRAM = 500;

/** `name` is the filter's, for the error of an expression that cannot be used. */
export function pattern(name: string, text: string): (value: string) => boolean {
  const compiled = text.length > MAX_LENGTH ? null : compile(text);
  if (compiled === null) {
    return bad(
      name,
      text,
      `RE2 expressions of up to ${MAX_LENGTH} characters without large counts, look-around and back-references`,
    );
  }
  return (value) => compiled.test(value);
}

function compile(text: string): RE2JS | null {
  try {
    const compiled = RE2JS.compile(text);
    return compiled.programSize() > MAX_PROGRAM ? null : compiled;
  } catch {
    return null;
  }
}
