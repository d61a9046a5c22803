/**
 * Reads which of Hubble's metrics are wanted, in Hubble's own words: metrics separated by spaces (or commas), each with
 * options after a colon, separated by semicolons: `drop tcp flow:sourceContext=workload|ip;labelsContext=source_pod`.
 */
import { CONTEXT_LABELS, CONTEXTS, type ContextLabel, type ContextValue } from './contexts.ts';

export const METRIC_NAMES = [
  'flow',
  'drop',
  'tcp',
  'icmp',
  'port-distribution',
  'dns',
  'http',
  'httpV2',
  'policy',
  'flows-to-world',
  'kafka',
] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** Those without a label whose values are without number. */
export const DEFAULT_METRICS = 'flow drop tcp icmp dns http policy';

/** Alternatives: the first that is not empty counts. Null if the label is not wanted. */
export type Context = readonly ContextValue[] | null;

export interface MetricConfig {
  name: MetricName;
  source: { any: Context; egress: Context; ingress: Context };
  destination: { any: Context; egress: Context; ingress: Context };
  labels: readonly ContextLabel[];
  /** Options that only this metric has. */
  own: ReadonlySet<string>;
}

const OWN_OPTIONS: Partial<Record<MetricName, readonly string[]>> = {
  dns: ['query', 'ignoreAAAA'],
  'flows-to-world': ['any-drop', 'port', 'syn-only'],
};

/** @throws MetricsError */
export function parseMetrics(text: string): MetricConfig[] {
  const configs = new Map<MetricName, MetricConfig>();
  for (const part of split(text)) {
    const config = parseOne(part);
    if (configs.has(config.name)) throw new MetricsError(`The metric "${config.name}" is named twice.`);
    configs.set(config.name, config);
  }
  if (configs.has('http') && configs.has('httpV2')) {
    throw new MetricsError('The metrics "http" and "httpV2" have the same names; ask for one of them.');
  }
  return [...configs.values()];
}

export class MetricsError extends Error {
  override readonly name = 'MetricsError';
}

/** A comma separates metrics where the name of one follows, and belongs to a list of labels elsewhere. */
function split(text: string): string[] {
  const parts: string[] = [];
  for (const word of text.split(/\s+/).filter((it) => it !== '')) {
    let isFirst = true;
    for (const piece of word.split(',')) {
      const name = piece.split(':', 1)[0] ?? '';
      const last = parts.at(-1);
      if (isFirst || last === undefined || metricName(name) !== undefined || !last.includes('=')) parts.push(piece);
      else parts[parts.length - 1] = `${last},${piece}`;
      isFirst = false;
    }
  }
  return parts;
}

function metricName(text: string): MetricName | undefined {
  return METRIC_NAMES.find((name) => name.toLowerCase() === text.toLowerCase());
}

function parseOne(text: string): MetricConfig {
  const [word = '', ...rest] = text.split(':');
  const name = metricName(word);
  if (name === undefined) {
    throw new MetricsError(`There is no metric "${word.slice(0, 64)}"; there are ${METRIC_NAMES.join(', ')}.`);
  }
  const own = new Set<string>();
  const contexts = new Map<string, Context>();
  let labels: readonly ContextLabel[] = [];
  for (const option of rest.join(':').split(';')) {
    if (option === '') continue;
    const [key = '', ...values] = option.split('=');
    const value = values.join('=');
    const context = CONTEXT_OPTIONS.find((it) => it.toLowerCase() === key.toLowerCase());
    const ownOption = OWN_OPTIONS[name]?.find((it) => it.toLowerCase() === key.toLowerCase());
    if (context !== undefined) contexts.set(context, listOf(value, '|', CONTEXTS, key));
    else if (key.toLowerCase() === 'labelscontext') labels = listOf(value, ',', CONTEXT_LABELS, key);
    else if (ownOption !== undefined) own.add(ownOption);
    else throw new MetricsError(`The metric "${name}" has no option "${key.slice(0, 64)}".`);
  }
  const end = (which: 'source' | 'destination'): MetricConfig['source'] => {
    const any = contexts.get(`${which}Context`) ?? null;
    return {
      any,
      egress: contexts.get(`${which}EgressContext`) ?? any,
      ingress: contexts.get(`${which}IngressContext`) ?? any,
    };
  };
  return { name, source: end('source'), destination: end('destination'), labels, own };
}

const CONTEXT_OPTIONS = [
  'sourceContext',
  'sourceEgressContext',
  'sourceIngressContext',
  'destinationContext',
  'destinationEgressContext',
  'destinationIngressContext',
] as const;

function listOf<T extends string>(text: string, separator: string, allowed: readonly T[], option: string): T[] {
  return text.split(separator).map((word) => {
    const found = allowed.find((it) => it === word.toLowerCase());
    if (found !== undefined) return found;
    throw new MetricsError(
      `The option "${option.slice(0, 64)}" has the value "${word.slice(0, 64)}"; allowed are ${allowed.join(', ')}.`,
    );
  });
}
