/** The parameters of the filter language that ask of the application's message. */
import type { HttpMessage, L7Message } from '../wire/l7.ts';
import { RECORD_TYPE } from '../wire/lists.gen.ts';
import { bad, type Field, type Test } from './filter-test.ts';
import { traceId } from './l7/hubble-l7.ts';
import { pattern } from './regex.ts';

export const L7_FIELDS: Readonly<Record<string, Field>> = {
  'http-status': (name, values) => {
    const wanted = values.map((value) => parseStatus(name, value));
    return http(({ code = 0 }) => code !== 0 && wanted.some((it) => code >= it.low && code <= it.high));
  },
  'http-method': (_name, values) => {
    const wanted = new Set(values.map((value) => value.toLowerCase()));
    return http(({ method }) => wanted.has(method.toLowerCase()));
  },
  'http-path': (name, values) => {
    const patterns = values.map((value) => pattern(name, value));
    return http(({ url }) => {
      const path = pathOf(url);
      return path !== null && patterns.some((matches) => matches(path));
    });
  },
  'http-url': (name, values) => {
    const patterns = values.map((value) => pattern(name, value));
    return http(({ url }) => patterns.some((matches) => matches(url)));
  },
  'http-header': (name, values) => {
    const wanted = values.map((value) => {
      const at = value.indexOf(':');
      if (at <= 0) return bad(name, value, 'KEY:VALUE');
      return { key: value.slice(0, at), value: value.slice(at + 1) };
    });
    return http(({ headers }) =>
      wanted.some((it) => headers.some(({ key, value }) => key === it.key && value === it.value)),
    );
  },
  'dns-query': (name, values) => {
    const patterns = values.map((value) => pattern(name, value));
    return message(({ dns }) => dns !== undefined && patterns.some((matches) => matches(dns.query)));
  },
  'trace-id': (_name, values) => {
    const wanted = new Set(values);
    return message((it) => {
      const id = traceId(it);
      return id !== null && wanted.has(id);
    });
  },
};

/** Parameters whose values may hold commas. */
export const WHOLE_VALUES: ReadonlySet<string> = new Set([
  'http-path',
  'http-url',
  'http-header',
  'dns-query',
  'label',
  'from-label',
  'to-label',
]);

function message(test: (message: L7Message) => boolean): Test {
  return {
    of: 'flow',
    needsMessage: true,
    compile: () => (facts) => {
      if (facts.type !== RECORD_TYPE.L7) return false;
      const { l7 } = facts;
      return l7 !== null && test(l7);
    },
  };
}

function http(test: (http: HttpMessage) => boolean): Test {
  return message(({ http: it }) => it !== undefined && test(it));
}

/** `503`; the beginning of one with + or, as people write it, with x: `5+`, `50+`, `5xx`. */
function parseStatus(name: string, value: string): { low: number; high: number } {
  const start = /^([1-5]\d\d)$|^([1-5]\d?)\+$|^([1-5])xx$|^([1-5]\d)x$/i
    .exec(value)
    ?.slice(1)
    .find((it) => it);
  if (start === undefined) return bad(name, value, 'codes such as 404, and beginnings such as 4+, 40+ and 5xx');
  const size = 10 ** (3 - start.length);
  const low = Number(start) * size;
  return { low, high: low + size - 1 };
}

/** Decoded, without query; null if the URL is neither absolute nor begins with a slash. */
function pathOf(url: string): string | null {
  const path = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?(\/[^?#]*)?/i.exec(url);
  if (path?.[0] === '' || path === null) return null;
  const encoded = path[1] ?? '';
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
