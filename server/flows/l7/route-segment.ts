/**
 * Tells values from names in a segment of a path by its looks alone. What looks like a name but is a value (a user's,
 * say) is learned from the number of its like: routes.ts.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^\d{4}-\d{2}(-\d{2}([tT ].*)?)?$/;
const NUMBER = /^[-+]?\d+([.,]\d+)?$/;
/** Hexadecimal digits with a decimal digit among them: words such as `feedface` are rare, `decade` is one. */
const HASH = /^(?=.*\d)[0-9a-f]{8,}$/i;
const VERSION = /^v\d{1,3}([.\-a-z]\d{0,3})*$/i;
const EXTENSION = /^(.+)(\.[a-z][a-z0-9]{0,4})$/i;
const MIN_TOKEN = 16;
/** Whatever is longer is no name. */
const MAX_NAME = 64;

/** The segment itself if it looks like a name, else `{id}`, `{uuid}`, `{hash}`, `{date}` or `{param}`. */
export function segmentTemplate(segment: string): string {
  if (segment.length > MAX_NAME) return '{param}';
  // Most names have neither digits nor odd characters.
  if (/^[a-z_\-.]{1,24}$/i.test(segment)) return segment;
  const parts = EXTENSION.exec(segment);
  if (parts === null) return valueTemplate(segment) ?? segment;
  const [, name = '', extension = ''] = parts;
  // `app.3f2a9c81.js`: the hash stands before the extension.
  const dot = name.lastIndexOf('.') + 1;
  const last = valueTemplate(name.slice(dot));
  if (last !== null && !NUMBER.test(name.slice(dot))) return name.slice(0, dot) + last + extension;
  return `${valueTemplate(name) ?? name}${extension}`;
}

function valueTemplate(text: string): string | null {
  if (NUMBER.test(text)) return '{id}';
  if (UUID.test(text)) return '{uuid}';
  if (DATE.test(text)) return '{date}';
  if (HASH.test(text)) return '{hash}';
  if (VERSION.test(text)) return null;
  // Escaped, an address, or no ASCII: something that people typed.
  if (/[%@+:,=]|[^\x21-\x7e]/.test(text)) return '{param}';
  const digits = text.replaceAll(/\D/g, '').length;
  return digits >= 4 || isToken(text) ? '{id}' : null;
}

/** Whether a segment, or a part of it between dots and colons, is no name but a token, say in base64. A UUID is none. */
export function isToken(segment: string): boolean {
  return segment.length >= MIN_TOKEN && !UUID.test(segment) && segment.split(/[.:]/).some(isRandom);
}

/** Long words that change between cases and digits like nobody's names. */
function isRandom(text: string): boolean {
  if (text.length < MIN_TOKEN || !/\d.*\d/.test(text)) return false;
  let changes = 0;
  for (let n = 1; n < text.length; n += 1) if (kind(text, n) !== kind(text, n - 1)) changes += 1;
  return changes * 3 >= text.length;
}

/** 0 lower case, 1 upper case, 2 digits, 3 the rest. */
function kind(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 97 && code <= 122) return 0;
  if (code >= 65 && code <= 90) return 1;
  return code >= 48 && code <= 57 ? 2 : 3;
}
