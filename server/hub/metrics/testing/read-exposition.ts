/**
 * Reads what a scrape gave, as strictly as Prometheus does (text exposition format 0.0.4): each metric told once, with its
 * type before its samples; valid names; label values with nothing but the three escapes; no series twice; histograms whose
 * buckets only rise, up to +Inf, which is their count.
 */

export interface Exposition {
  /** By series, labels sorted by name: `name{a="1"}`, values as they stand for themselves. */
  series: Map<string, number>;
  types: Map<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)/gy;

/** Throws an Error that says in which line the text is wrong. */
export function readExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the text does not end with a newline');
  const types = new Map<string, string>();
  const series = new Map<string, number>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const about = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (about !== null) {
      const [, what, name = '', rest = ''] = about;
      if (what !== 'TYPE') continue;
      if (types.has(name)) throw new Error(`told twice: ${line}`);
      types.set(name, rest);
      current = name;
      continue;
    }
    const [, name = '', labels = '', number = ''] = SAMPLE.exec(line) ?? [];
    const isOf =
      name === current ||
      (types.get(current) === 'histogram' &&
        /^_(bucket|sum|count)$/.test(name.slice(current.length)) &&
        name.startsWith(current));
    if (!isOf) throw new Error(`a sample of another metric than ${current}: ${line}`);
    const value = number === 'Nan' || number === 'NaN' ? NaN : Number(number.replace('+Inf', 'Infinity'));
    if (Number.isNaN(value) && !/^nan$/i.test(number)) throw new Error(`no number: ${line}`);
    const key = `${name}{${readLabels(labels, line)}}`;
    if (series.has(key)) throw new Error(`twice: ${line}`);
    series.set(key, value);
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(name, series);
  return { series, types };
}

function readLabels(text: string, line: string): string {
  const found: [string, string][] = [];
  LABEL.lastIndex = 0;
  let end = 0;
  for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
    found.push([match[1] ?? '', match[2] ?? '']);
    end = LABEL.lastIndex;
    if (match[3] === '') break;
  }
  if (end !== text.length) throw new Error(`labels that cannot be read: ${line}`);
  if (new Set(found.map(([name]) => name)).size !== found.length) throw new Error(`a label twice: ${line}`);
  return found
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
}

function checkHistogram(name: string, series: ReadonlyMap<string, number>): void {
  const buckets = new Map<string, [bound: number, count: number][]>();
  for (const [key, count] of series) {
    const [, labels] = key.startsWith(`${name}_bucket{`) ? key.split(/^[^{]*/) : [];
    if (labels === undefined) continue;
    const bound = /(?<=[{,])le="([^"]*)",?/.exec(labels);
    if (bound === null) throw new Error(`a bucket without bound: ${key}`);
    const rest = labels.replace(bound[0], '').replace(/,\}$/, '}');
    const of = buckets.get(rest) ?? [];
    of.push([Number(bound[1]?.replace('+Inf', 'Infinity')), count]);
    buckets.set(rest, of);
  }
  for (const [labels, of] of buckets) {
    for (const [i, [bound, count]] of of.entries()) {
      const [before, less] = of[i - 1] ?? [-Infinity, 0];
      if (!(bound > before) || count < less) throw new Error(`buckets that do not rise: ${name}${labels}`);
    }
    const [last, total] = of.at(-1) ?? [0, 0];
    if (last !== Infinity || series.get(`${name}_count${labels}`) !== total) {
      throw new Error(`no count as of the last bucket: ${name}${labels}`);
    }
  }
}
