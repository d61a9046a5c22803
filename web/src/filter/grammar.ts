/**
 * The filter as it is written:
 *
 *     filter = term { " " term }
 *     term   = [ "-" ] name ":" value { "," value } | text
 *     value  = word | "quoted"
 *
 * Other names mean and; the same name again, or a comma, means or; a leading `-` excludes. Text without
 * a name is an address, or the beginning of a pod's name.
 */
import type { FlowFilter } from '../../../server/wire/live.ts';
import { FILTER_NAMES, isOnMap, KNOWN_VALUES, SHORT_FORMS, shownName } from './names.ts';
import { nearest } from './nearest.ts';

/** Longest filter that is read, characters. */
export const MAX_FILTER = 2000;
const MAX_VALUES = 200;

export interface Term {
  exclude: boolean;
  /** As the API spells it; as it was written if there is no such name. */
  name: string;
  values: readonly string[];
  /** One sentence; such a term is not applied. */
  error: string | null;
}

export function parseFilter(text: string): Term[] {
  return tokens(text.slice(0, MAX_FILTER)).map(parseTerm);
}

/** The terms as text that parses to the same terms. */
export function formatFilter(terms: readonly Term[]): string {
  return terms.map(formatTerm).join(' ');
}

export function formatTerm({ exclude, name, values }: Term): string {
  return `${exclude ? '-' : ''}${shownName(name)}:${values.map(quoted).join(',')}`;
}

/** What to ask of the hub; faulty terms are left out. */
export function toFlowFilter(terms: readonly Term[]): FlowFilter {
  const filter: FlowFilter = {};
  for (const term of terms) {
    if (term.error !== null) continue;
    const name = `${term.exclude ? 'not.' : ''}${term.name}`;
    filter[name] = [...(filter[name] ?? []), ...term.values.map((value) => anyNamespace(term.name, value))];
  }
  return filter;
}

/** The part that holds for the map, and the names that it leaves out. */
export function mapPart(filter: FlowFilter): { filter: FlowFilter; ignored: string[] } {
  const entries = Object.entries(filter);
  return {
    filter: Object.fromEntries(entries.filter(([name, values]) => isOnMap(name, values))),
    ignored: entries.filter(([name, values]) => !isOnMap(name, values)).map(([name]) => name),
  };
}

/** The terms that select what `filter` does, for links and buttons that add a filter. */
export function termsOf(filter: FlowFilter): Term[] {
  return Object.entries(filter).map(([name, values]) => ({
    exclude: name.startsWith('not.'),
    name: name.replace(/^not\./, ''),
    values: [...values],
    error: null,
  }));
}

/** `terms` with those of `more` that are not there yet. */
export function withTerms(terms: readonly Term[], more: readonly Term[]): Term[] {
  const known = new Set(terms.map(formatTerm));
  return [...terms, ...more.filter((term) => !known.has(formatTerm(term)))];
}

/** Splits at spaces outside of quotes. */
function tokens(text: string): string[] {
  return text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

function parseTerm(token: string): Term {
  const match = /^(-?)([A-Za-z][\w.-]*):(.*)$/s.exec(token);
  if (match === null || looksLikeAddress(token)) return freeText(token);
  const written = (match[2] ?? '').toLowerCase();
  const name = SHORT_FORMS[written] ?? written.replaceAll('.', '-');
  const values = splitValues(match[3] ?? '');
  const term = { exclude: match[1] === '-', name, values };
  return { ...term, error: errorOf(term, written) };
}

function freeText(token: string): Term {
  const exclude = token.startsWith('-');
  const [value = ''] = splitValues(exclude ? token.slice(1) : token);
  return {
    exclude,
    name: looksLikeAddress(value) ? 'ip' : 'pod',
    values: [value],
    error: value === '' ? 'Text to look for is missing.' : null,
  };
}

function splitValues(text: string): string[] {
  return (text.match(/"[^"]*"?|[^,"]+/g) ?? [])
    .map((value) => value.replaceAll('"', '').trim())
    .filter((value) => value !== '');
}

function errorOf({ name, values }: Pick<Term, 'name' | 'values'>, written: string): string | null {
  if (!FILTER_NAMES.includes(name)) {
    const meant = nearest(name, FILTER_NAMES);
    return `No filter is called ${written}.${meant === null ? '' : ` Did you mean ${shownName(meant)}?`}`;
  }
  if (values.length === 0) return `${written} needs a value, such as ${exampleOf(name)}.`;
  if (values.length > MAX_VALUES) return `${written} has more than ${MAX_VALUES} values; use fewer.`;
  const known = KNOWN_VALUES[name];
  const wrong = values.find((value) =>
    known === undefined ? !isPossible(name, value) : !known.includes(value.toLowerCase().replaceAll('-', '_')),
  );
  if (wrong === undefined) return null;
  if (known === undefined) return `${wrong} is no ${name.replace(/^(from|to)-/, '')}; write it as ${exampleOf(name)}.`;
  const meant = nearest(wrong.toLowerCase(), known);
  return `${shownName(name)} cannot be ${wrong}; ${meant === null ? `it is one of ${known.slice(0, 6).join(', ')}` : `did you mean ${meant}`}.`;
}

function isPossible(name: string, value: string): boolean {
  if (name.endsWith('port')) return /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
  if (name.endsWith('ip')) return looksLikeAddress(value);
  if (name === 'http-status') return /^[1-5](\d\d|\d?\+|xx|\dx)$/i.test(value);
  if (name === 'http-header') return /^[^:]+:/.test(value);
  return true;
}

const MESSAGE_EXAMPLES: Readonly<Record<string, string>> = {
  'http-status': '5xx',
  'http-method': 'POST',
  'http-path': '^/orders/',
  'http-url': 'orders',
  'http-header': 'Host:orders',
  'dns-query': 'example.com',
  'trace-id': '4bf92f3577b34da6a3ce929d0e0e4736',
  fqdn: '*.example.com',
};

function exampleOf(name: string): string {
  if (name.endsWith('port')) return '8080';
  if (name.endsWith('ip')) return '10.0.0.0/8';
  const example = MESSAGE_EXAMPLES[name];
  if (example !== undefined) return example;
  if (name.endsWith('pod') || name.endsWith('service')) return 'shop/orders';
  return KNOWN_VALUES[name]?.[0] ?? 'shop';
}

function looksLikeAddress(text: string): boolean {
  return (
    /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(text) || /^[0-9a-f]{0,4}(:[0-9a-f.]{0,15}){2,8}(\/\d{1,3})?$/i.test(text)
  );
}

/** The API takes a pod or service without namespace for one of `default`; a person means any. */
function anyNamespace(name: string, value: string): string {
  return /(^|-)(pod|service)$/.test(name) && !value.includes('/') ? `/${value}` : value;
}

function quoted(value: string): string {
  return /[\s,"]/.test(value) ? `"${value}"` : value;
}
