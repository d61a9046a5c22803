/**
 * The filters `label`, `from-label` and `to-label`: selectors as Kubernetes writes them, over labels of the form
 * `source:key=value`. A key without source means any source.
 */
import { IDENTITY, IDENTITY_WORDS } from '../wire/lists.gen.ts';
import type { Names } from './dictionary.ts';
import { bad, type EndTest } from './filter-test.ts';

type LabelTest = (labels: readonly Label[]) => boolean;

interface Label {
  source: string;
  key: string;
  value: string;
}

const ALLOWED =
  'label selectors such as app=web, k8s:app!=web, "app in (web,api)", !app and reserved:world, joined by commas';
const KEY = String.raw`(?:([A-Za-z0-9_.-]+):)?([A-Za-z0-9](?:[\w./:-]*\w)?)`;
const VALUE = String.raw`[\w.-]*`;
const EXISTS = new RegExp(`^(!?)\\s*${KEY}$`);
const COMPARES = new RegExp(`^${KEY}\\s*(==|=|!=|>|<)\\s*(${VALUE})$`);
const AMONG = new RegExp(`^${KEY}\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

/** Labels of an end of a flow: those of the endpoint, else of the identity. */
export function labelsOf(endpoint: number, identity: number, names: Names): readonly string[] {
  const entry = names.endpoints.get(endpoint);
  if (entry !== undefined && entry.labels.length > 0) return entry.labels;
  const known = names.identities.get(identity);
  if (known !== undefined) return known;
  const reserved = identity === IDENTITY.UNKNOWN ? undefined : IDENTITY_WORDS[identity];
  return reserved === undefined ? [] : [`reserved:${reserved}`];
}

/** Several values mean or. Ends with the same endpoint and identity have the same labels, so each pair is tested once. */
export function labelTest(name: string, values: readonly string[]): (names: Names) => EndTest {
  const matches = selector(name, values);
  return (names) => {
    const known = new Map<number, Map<number, boolean>>();
    return (facts, end) => {
      const ref = facts.endpoint(end);
      const identity = facts.identity(end);
      let ofRef = known.get(ref);
      if (ofRef === undefined) known.set(ref, (ofRef = new Map()));
      let result = ofRef.get(identity);
      if (result === undefined) ofRef.set(identity, (result = matches(labelsOf(ref, identity, names))));
      return result;
    };
  };
}

/** A test of label texts. Throws a FilterError for what is no selector. */
export function selector(name: string, values: readonly string[]): (labels: readonly string[]) => boolean {
  const tests = values.map((value) => parseSelector(name, value));
  return (texts) => {
    const labels = texts.map(readLabel);
    return tests.some((test) => test(labels));
  };
}

function readLabel(text: string): Label {
  const equals = text.indexOf('=');
  const left = equals < 0 ? text : text.slice(0, equals);
  const colon = left.indexOf(':');
  return {
    source: colon < 0 ? '' : left.slice(0, colon),
    key: left.slice(colon + 1),
    value: equals < 0 ? '' : text.slice(equals + 1),
  };
}

function parseSelector(name: string, value: string): LabelTest {
  if (value.trim() === '') return () => true;
  // Commas between brackets separate values.
  const parts = value.split(/,(?![^(]*\))/).map((part) => part.trim());
  const tests = parts.map((part) => parseRequirement(part) ?? bad(name, value, ALLOWED));
  return (labels) => tests.every((test) => test(labels));
}

function parseRequirement(text: string): LabelTest | null {
  const among = AMONG.exec(text);
  if (among !== null) {
    const values = (among[4] ?? '').split(',').map((it) => it.trim());
    if (!values.every((it) => /^[\w.-]*$/.test(it))) return null;
    const wanted = new Set(values);
    return some(among[1], among[2], (value) => wanted.has(value), among[3] === 'notin');
  }
  const compares = COMPARES.exec(text);
  if (compares !== null) {
    const [, source, key, operator, wanted = ''] = compares;
    if (operator !== '>' && operator !== '<') {
      return some(source, key, (value) => value === wanted, operator === '!=');
    }
    if (!/^-?\d{1,15}$/.test(wanted)) return null;
    const bound = Number(wanted);
    const holds = (value: number): boolean => (operator === '>' ? value > bound : value < bound);
    return some(source, key, (value) => /^-?\d{1,15}$/.test(value) && holds(Number(value)), false);
  }
  const exists = EXISTS.exec(text);
  return exists === null ? null : some(exists[2], exists[3], () => true, exists[1] === '!');
}

/** Some label of this key fits; with `not`, none does, which a missing key means, too. */
function some(
  source: string | undefined,
  key: string | undefined,
  fits: (value: string) => boolean,
  not: boolean,
): LabelTest {
  return (labels) =>
    labels.some((it) => it.key === key && (source === undefined || it.source === source) && fits(it.value)) !== not;
}
