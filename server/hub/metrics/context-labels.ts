/**
 * The labels that a metric's context options add. What they are is worked out once for each pair of ends, and then known by a
 * number: a flow costs two look-ups.
 */
import { DIRECTION } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End } from '../../flows/facts.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { Context, MetricConfig } from './config.ts';
import { directionWord, EndFacts } from './contexts.ts';
import type { Labels } from './label-counts.ts';

/** For ends whose labels there is no room for. */
export const NO_ROOM = -1;

export interface ContextSet {
  labels: Labels;
  /** Pods that the labels name: those heard of last, since an address may be another pod's one day. */
  readonly pods: string[];
}

interface Known {
  revision: number;
  numbers: Map<string, number>;
}

export class ContextLabels {
  /** Names of the labels, in order. */
  readonly names: readonly string[];
  readonly #config: MetricConfig;
  readonly #max: number;
  readonly #needsAddress: boolean;
  readonly #needsDirection: boolean;
  /** Numbers by ends, in the words of one agent's numbers. */
  #known = new WeakMap<Names, Known>();
  readonly #numbers = new Map<string, number>();
  readonly #sets = new Map<number, ContextSet>();
  #next = 1;

  /** At most `max` sets of labels are kept. */
  constructor(config: MetricConfig, max: number) {
    this.#config = config;
    this.#max = max;
    const { source, destination, labels } = config;
    const ends = [source, destination];
    const all = ends.flatMap(({ any, egress, ingress }) => [any, egress, ingress]);
    const ofAddress = (context: Context): boolean => context?.some((it) => it === 'ip' || it === 'dns') === true;
    this.#needsAddress = all.some(ofAddress) || labels.some((it) => it.endsWith('_ip'));
    this.#needsDirection =
      labels.includes('traffic_direction') || ends.some((it) => it.egress !== it.any || it.ingress !== it.any);
    this.names = [...(has(source) ? ['source'] : []), ...(has(destination) ? ['destination'] : []), ...labels];
  }

  /** The number of the record's set; with `isSwapped` as if it went the other way. */
  number(record: RecordCursor, names: Names, isSwapped = false): number {
    if (this.names.length === 0) return 0;
    let known = this.#known.get(names);
    if (known === undefined || known.revision !== names.revision || known.numbers.size > 4 * this.#max) {
      known = { revision: names.revision, numbers: new Map() };
      this.#known.set(names, known);
    }
    const key = this.#keyOf(record, names, isSwapped);
    const number = known.numbers.get(key);
    if (number !== undefined) return number;
    const found = this.#intern(this.#setOf(record, names, isSwapped));
    if (found !== NO_ROOM) known.numbers.set(key, found);
    return found;
  }

  set(number: number): ContextSet {
    return this.#sets.get(number) ?? { labels: {}, pods: [] };
  }

  /** Forgets the sets that name a pod that is gone. */
  forget(isGone: (pod: string) => boolean): void {
    let forgotten = false;
    for (const [text, number] of this.#numbers) {
      if (!this.set(number).pods.some(isGone)) continue;
      this.#numbers.delete(text);
      this.#sets.delete(number);
      forgotten = true;
    }
    if (forgotten) this.#known = new WeakMap();
  }

  #intern(set: ContextSet): number {
    const text = Object.values(set.labels).join('\u0000');
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      this.#sets.get(known)?.pods.splice(0, Infinity, ...set.pods);
      return known;
    }
    if (this.#numbers.size >= this.#max) return NO_ROOM;
    const number = this.#next++;
    this.#numbers.set(text, number);
    this.#sets.set(number, set);
    return number;
  }

  #keyOf(record: RecordCursor, names: Names, isSwapped: boolean): string {
    const end = (which: End): string => {
      const numbers = `${record.endpoint(which)},${record.identity(which)}`;
      if (!this.#needsAddress) return numbers;
      const address = record.address(which);
      return `${numbers},${address},${names.dns.of(address).join(',')}`;
    };
    return `${end('source')};${end('destination')};${this.#needsDirection ? record.direction : ''}${isSwapped ? 's' : ''}`;
  }

  #setOf(record: RecordCursor, names: Names, isSwapped: boolean): ContextSet {
    const { source, destination, labels: wanted } = this.#config;
    const from = new EndFacts(record, isSwapped ? 'destination' : 'source', names);
    const to = new EndFacts(record, isSwapped ? 'source' : 'destination', names);
    const labels: Record<string, string> = {};
    const pods = new Set<string>();
    const put = (name: string, end: EndFacts, { text, isPod }: { text: string; isPod: boolean }): void => {
      labels[name] = text;
      if (isPod && end.pod !== null) pods.add(end.pod);
    };
    if (has(source)) put('source', from, from.first(contextOf(source, record.direction)));
    if (has(destination)) put('destination', to, to.first(contextOf(destination, record.direction)));
    for (const name of wanted) {
      if (name === 'traffic_direction') labels[name] = directionWord(record.direction);
      else if (name.startsWith('source_')) put(name, from, from.label(name.slice('source_'.length)));
      else put(name, to, to.label(name.slice('destination_'.length)));
    }
    const isNamed = (end: End): boolean => wanted.includes(`${end}_pod`) && wanted.includes(`${end}_namespace`);
    if (isNamed('source') && from.pod !== null) pods.add(from.pod);
    if (isNamed('destination') && to.pod !== null) pods.add(to.pod);
    return { labels, pods: [...pods] };
  }
}

function has({ any, egress, ingress }: MetricConfig['source']): boolean {
  return any !== null || egress !== null || ingress !== null;
}

function contextOf({ any, egress, ingress }: MetricConfig['source'], direction: number): NonNullable<Context> {
  if (direction === DIRECTION.EGRESS) return egress ?? [];
  if (direction === DIRECTION.INGRESS) return ingress ?? [];
  return any ?? [];
}
