/**
 * What of a message's texts may leave the node. With `metadata` no value that could hold a secret does; with `full`
 * values do, but never those whose very purpose is to prove who someone is. Every text a peer wrote goes through
 * safeText, so that it is bounded and cannot move a terminal's cursor.
 */
import { MAX_L7_TEXT } from '../../wire/l7.ts';
import type { HttpMessage } from '../../wire/l7.ts';
import type { Redaction } from './parser.ts';
import { isToken } from './route-segment.ts';

type Headers = HttpMessage['headers'];

/** Stands in place of a value. */
const HIDDEN = '…';

/** What keys of queries look like; anything else may be a value. */
const KEY = /^[a-z_$][\w.$[\]-]{0,39}$/i;

/** More headers than any ordinary message has. */
const MAX_HEADERS = 100;

/** Control characters, halves of surrogate pairs, and the marks that turn the direction of text around. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ALL_UNSAFE = new RegExp(UNSAFE.source, 'gu');

/** Headers whose values say how a message travels and what it is, not who sends it. */
const SHOWN = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'expect',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-status',
  'grpc-timeout',
  'host',
  'keep-alive',
  'last-modified',
  'range',
  'retry-after',
  'server',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'vary',
  'via',
  'x-request-id',
]);

/** Headers that are never shown: they are credentials, or named like some. */
const SECRET = /auth|cookie|token|secret|passw|api-?key|credential|session|signature|csrf|xsrf|jwt|cert|assertion/;

/** At most MAX_L7_TEXT characters, with U+FFFD in place of what is no printable text. */
export function safeText(text: string): string {
  const cut = text.length > MAX_L7_TEXT ? text.slice(0, MAX_L7_TEXT) : text;
  return UNSAFE.test(cut) ? cut.replaceAll(ALL_UNSAFE, '\ufffd') : cut;
}

/**
 * A URL or a request target without credentials (`user:password@`) and, with `metadata`, without the values of its
 * query and path parameters (`/a;v=…?id=…&…`), tokens in its path, and its fragment. A query word without `=`, or with
 * nothing behind it, is a value.
 */
export function redactUrl(url: string, mode: Redaction): string {
  if (mode === 'full') return safeText(withoutCredentials(url));
  let end = url.length;
  const hash = url.indexOf('#');
  if (hash >= 0) end = hash;
  const question = url.indexOf('?');
  const hasQuery = question >= 0 && question < end;
  const path = pathWithoutValues(withoutCredentials(url.slice(0, hasQuery ? question : end)));
  return safeText(hasQuery ? `${path}?${queryKeys(url.slice(question + 1, end))}` : path);
}

/**
 * Headers, sorted by key (lower case), with their values; one that must not be shown has the value ''. `metadata` shows
 * those of SHOWN only, `full` all but SECRET.
 */
export function redactHeaders(headers: Headers, mode: Redaction): Headers {
  const shown: Headers = [];
  for (const { key, value } of headers) {
    if (shown.length === MAX_HEADERS) break;
    const name = safeText(key).toLowerCase();
    const visible = mode === 'full' ? !SECRET.test(name) : SHOWN.has(name);
    const shownValue = name === 'host' ? redactUrl(value, mode) : safeText(value);
    shown.push({ key: name, value: visible ? shownValue : '' });
  }
  return shown.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Removes what stands before an `@` in every authority: of the URL itself, and of URLs within its path. */
function withoutCredentials(url: string): string {
  if (!url.includes('@')) return url;
  const bare = url.replaceAll(/\/\/[^/?#]*@/g, '//');
  // The target of a CONNECT is an authority alone.
  return bare.startsWith('/') || bare.includes('://') ? bare : bare.replace(/^[^/?#]*@/, '');
}

/** `/a;v=…/…`: what follows a `=` is a value, and what follows a `;` without one; so are tokens. */
function pathWithoutValues(path: string): string {
  const bounded = path.length > 2 * MAX_L7_TEXT ? path.slice(0, 2 * MAX_L7_TEXT) : path;
  return bounded.replaceAll(/[^/]+/g, (segment) => {
    if (isToken(segment)) return HIDDEN;
    // Escaped, too: %3B, %3D, %3F.
    const mark = /[;=]|%3[bdf]/i.exec(segment);
    if (mark === null) return segment;
    const [name = '', ...parameters] = segment.split(/(?=;|%3b)/i);
    const shown = parameters.map((it) => /^(?:;|%3b)[\w.-]{1,40}(?==|%3d)/i.exec(it)?.[0] ?? ';');
    return [beforeValue(name), ...shown.map((it) => (it.length > 1 ? `${it}=${HIDDEN}` : `${it}${HIDDEN}`))].join('');
  });
}

function beforeValue(segment: string): string {
  const mark = /=|%3[df]/i.exec(segment);
  return mark === null ? segment : `${segment.slice(0, mark.index)}${mark[0]}${HIDDEN}`;
}

function queryKeys(query: string): string {
  // Texts are cut to MAX_L7_TEXT, so no more than that is worth taking apart.
  const bounded = query.length > 2 * MAX_L7_TEXT ? query.slice(0, 2 * MAX_L7_TEXT) : query;
  return bounded.replaceAll(/[^&;]+/g, (part) => {
    const [, key = '', value = ''] = /^([^=]*)=*(.*)$/s.exec(part) ?? [];
    return value !== '' && KEY.test(key) && !isToken(key) ? `${key}=${HIDDEN}` : HIDDEN;
  });
}
