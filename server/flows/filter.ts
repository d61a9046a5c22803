/**
 * The filter language of the flow API: query parameters named like the flags of `hubble observe`.
 *
 * A parameter that is repeated, or has commas, means or (expressions and headers may hold commas: there only repeating); different parameters mean and; `not.NAME`
 * excludes what NAME would select. Parameters about either end (`pod`, `port`, …) hold for one end
 * together: `pod=shop/web&port=80` asks for flows whose source is the pod with port 80, or whose
 * destination is.
 *
 * Parsing knows no names of pods or nodes. A filter is compiled against the names of one agent to sets
 * of numbers, once per revision of those names; matching a record then allocates nothing.
 */
import { nearest } from '../base/nearest.ts';
import type { FlowFacts } from './facts.ts';
import type { Names } from './dictionary.ts';
import { FIELDS } from './filter-fields.ts';
import { WHOLE_VALUES } from './filter-l7.ts';
import { askOf, type Condition, FilterError, type Selection } from './filter-test.ts';

export type Predicate = (facts: FlowFacts) => boolean;

/** Most values one filter may have, over all its parameters. */
export const MAX_FILTER_VALUES = 200;
const NOT = 'not.';

/** All parameter names that a filter may have, without the `not.` forms. */
export const FILTER_NAMES: readonly string[] = Object.keys(FIELDS);

export function isFilterName(name: string): boolean {
  return Object.hasOwn(FIELDS, name.startsWith(NOT) ? name.slice(NOT.length) : name);
}

/** Parses parameters, each given as [name, value]. Throws a FilterError that names the faulty one. */
export function parseFilter(parameters: Iterable<readonly [string, string]>): FlowFilter {
  const values = new Map<string, string[]>();
  let count = 0;
  for (const [name, value] of parameters) {
    if (!isFilterName(name)) throw unknownName(name, FILTER_NAMES);
    const plain = name.startsWith(NOT) ? name.slice(NOT.length) : name;
    const items = WHOLE_VALUES.has(plain) ? [value] : value.split(',').map((item) => item.trim());
    if (items.includes(''))
      throw new FilterError(`The filter "${name}" has an empty value; leave it out, or give one.`);
    count += items.length;
    if (count > MAX_FILTER_VALUES) {
      throw new FilterError(`The filter has more than ${MAX_FILTER_VALUES} values; use fewer or broader ones.`);
    }
    values.set(name, [...(values.get(name) ?? []), ...items]);
  }
  for (const not of ['', NOT]) for (const end of ['', 'from-', 'to-']) qualify(values, not, end);
  const conditions: Condition[] = [];
  for (const [name, items] of values) {
    const exclude = name.startsWith(NOT);
    const parameter = exclude ? name.slice(NOT.length) : name;
    const field = FIELDS[parameter];
    if (field !== undefined) {
      conditions.push({ name, exclude, asks: { parameter, values: items }, ...field(name, items) });
    }
  }
  refuseContradiction(values);
  return new FlowFilter(
    conditions,
    // Quoted: values may hold whatever stands between them.
    JSON.stringify([...values].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
}

/** As in Hubble: what asks of HTTP, but not of messages, can only be a mistake. */
function refuseContradiction(values: ReadonlyMap<string, readonly string[]>): void {
  const types = values.get('type');
  if (types === undefined || types.some((type) => /^(l7|129)$/i.test(type))) return;
  const asks = [...values.keys()].find((name) => name.startsWith('http-'));
  if (asks === undefined) return;
  throw new FilterError(
    `filtering by ${asks.replace('-', ' ')} requires the event type filter to only match 'l7' events`,
  );
}

/** The error for a parameter that does not exist, with the nearest one that does and all that are allowed. */
export function unknownName(name: string, allowed: readonly string[]): FilterError {
  const plain = name.startsWith(NOT) ? name.slice(NOT.length) : name;
  return new FilterError(
    `There is no parameter "${name.slice(0, 64)}"; did you mean "${nearest(plain, allowed) ?? ''}"? Allowed are ${allowed.join(', ')}.`,
  );
}

/** As with the hubble command: pods and services without a namespace take those given beside them. */
function qualify(values: Map<string, string[]>, not: string, end: string): void {
  const namespaces = values.get(`${not}${end}namespace`);
  if (namespaces === undefined) return;
  let used = false;
  for (const kind of ['pod', 'service']) {
    const names = values.get(`${not}${end}${kind}`);
    if (names === undefined || names.every((name) => name.includes('/'))) continue;
    used = true;
    values.set(
      `${not}${end}${kind}`,
      names.flatMap((name) => (name.includes('/') ? [name] : namespaces.map((namespace) => `${namespace}/${name}`))),
    );
  }
  if (used) values.delete(`${not}${end}namespace`);
}

export class FlowFilter {
  readonly #conditions: readonly Condition[];
  readonly #compiled = new WeakMap<Names, { revision: number; predicate: Predicate }>();
  /** The same for filters that select the same flows by the same words. */
  readonly key: string;

  constructor(conditions: readonly Condition[], key: string) {
    this.#conditions = conditions;
    this.key = key;
  }

  get isEmpty(): boolean {
    return this.#conditions.length === 0;
  }

  /** Names of the parameters in use, `not.` included. */
  get names(): string[] {
    return this.#conditions.map((condition) => condition.name);
  }

  /** Names of the parameters that read messages of applications. */
  get messageNames(): string[] {
    return this.#conditions.flatMap((it) => ('needsMessage' in it ? [it.name] : []));
  }

  get selection(): Selection {
    return { allowed: [this.#conditions.map(askOf)], denied: [] };
  }

  /** The test for flows of the agent with these names; valid until their revision changes. */
  predicate(names: Names): Predicate {
    const known = this.#compiled.get(names);
    if (known?.revision === names.revision) return known.predicate;
    const predicate = compile(this.#conditions, names);
    this.#compiled.set(names, { revision: names.revision, predicate });
    return predicate;
  }
}

function compile(conditions: readonly Condition[], names: Names): Predicate {
  const common: Predicate[] = [];
  const costly: Predicate[] = [];
  const atSource: Predicate[] = [];
  const atDestination: Predicate[] = [];
  for (const condition of conditions) {
    if (condition.of === 'flow') {
      const test = condition.compile(names);
      const list = condition.needsMessage === true ? costly : common;
      list.push(condition.exclude ? (facts) => !test(facts) : test);
      continue;
    }
    const test = condition.compile(names);
    const end = condition.of;
    if (end === 'either') {
      if (condition.exclude) {
        common.push((facts) => !test(facts, 'source') && !test(facts, 'destination'));
      } else {
        atSource.push((facts) => test(facts, 'source'));
        atDestination.push((facts) => test(facts, 'destination'));
      }
    } else {
      common.push(condition.exclude ? (facts) => !test(facts, end) : (facts) => test(facts, end));
    }
  }
  const ends = atSource.length === 0 ? null : either(all(atSource), all(atDestination));
  if (ends !== null) common.push(ends);
  return all([...common, ...costly]);
}

function either(one: Predicate, other: Predicate): Predicate {
  return (facts) => one(facts) || other(facts);
}

function all(tests: readonly Predicate[]): Predicate {
  const [first, second] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (tests.length === 2) return (facts) => first(facts) && second(facts);
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}
