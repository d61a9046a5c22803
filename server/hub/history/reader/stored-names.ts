/**
 * The names behind the numbers of one stored session, as they were at any time. A number may come to mean something
 * else: the names are cut where that happened, and each stretch has a dictionary of its own.
 */
import type { EndpointEntry, PolicyEntry, RuleEntry, ServiceEntry } from '../../../wire/agent.ts';
import type { Names } from '../../../flows/dictionary.ts';
import { DnsNames } from '../../../flows/dns-names.ts';

/** A row of the table `names`. */
export interface NameRow {
  kind: string;
  key: string;
  /** Unix ms. */
  since: number;
  /** JSON, '' from when it is gone. */
  entry: string;
}

/** New names of addresses after which a stretch ends: no dictionary keeps more than twice as many. */
const DNS_STRETCH = 10_000;

class Dictionary implements Names {
  readonly node: string;
  readonly session: bigint;
  readonly revision = 0;
  readonly endpoints = new Map<number, EndpointEntry>();
  readonly services = new Map<number, ServiceEntry>();
  readonly identities = new Map<number, readonly string[]>();
  readonly rules = new Map<number, RuleEntry>();
  readonly policies = new Map<string, PolicyEntry>();
  readonly policyProblems = [];
  readonly dns = new DnsNames();
  readonly gone = new Set<number>();

  constructor(node: string, session: bigint) {
    this.node = node;
    this.session = session;
  }

  isLive(endpoint: number): boolean {
    return this.endpoints.has(endpoint) && !this.gone.has(endpoint);
  }

  add({ kind, key, entry }: NameRow): void {
    const value: unknown = JSON.parse(entry);
    if (kind === 'endpoint') this.endpoints.set(Number(key), value as EndpointEntry);
    else if (kind === 'service') this.services.set(Number(key), value as ServiceEntry);
    else if (kind === 'identity') this.identities.set(Number(key), (value as { labels: string[] }).labels);
    else if (kind === 'rule') this.rules.set(Number(key), value as RuleEntry);
    else if (kind === 'policy') this.policies.set(key, value as PolicyEntry);
    else if (kind === 'dns') {
      for (const name of (value as string[]).toReversed()) this.dns.add({ address: key, name });
    }
  }
}

export class StoredNames {
  readonly #node: string;
  readonly #session: bigint;
  /** By kind and key, oldest first. */
  readonly #versions = new Map<string, NameRow[]>();
  /** Begins of all stretches but the first, Unix ms, in order; null until asked for. */
  #cuts: number[] | null = null;
  #dictionaries = new Map<number, Dictionary>();
  #weight = 0;

  constructor(node: string, session: bigint) {
    this.#node = node;
    this.#session = session;
  }

  /** About what it takes, bytes. */
  get weight(): number {
    return this.#weight * (1 + this.#dictionaries.size);
  }

  /** Takes rows in any order; rows it has already change nothing. */
  add(rows: readonly NameRow[]): void {
    let isNew = false;
    for (const row of rows) {
      const key = `${row.kind} ${row.key}`;
      const versions = this.#versions.get(key) ?? [];
      this.#versions.set(key, versions);
      if (versions.some((it) => it.since === row.since)) continue;
      versions.push(row);
      this.#weight += 100 + row.entry.length;
      isNew = true;
    }
    if (!isNew) return;
    for (const versions of this.#versions.values()) versions.sort((a, b) => a.since - b.since);
    this.#cuts = null;
    this.#dictionaries = new Map();
  }

  /** Names as they were at a time, Unix ms. The same object for all times between two changes of meaning. */
  at(time: number): Names {
    this.#cuts ??= this.#findCuts();
    let low = 0;
    let high = this.#cuts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#cuts[middle] ?? Infinity) <= time) low = middle + 1;
      else high = middle;
    }
    let dictionary = this.#dictionaries.get(low);
    if (dictionary === undefined) {
      dictionary = this.#build(this.#cuts[low] ?? Infinity);
      this.#dictionaries.set(low, dictionary);
    }
    return dictionary;
  }

  /** Each time at which something known came to mean something else, and enough new names of addresses. */
  #findCuts(): number[] {
    const cuts = new Set<number>();
    const dns: number[] = [];
    for (const versions of this.#versions.values()) {
      let known: NameRow | null = null;
      let freeFrom: number | null = null;
      for (const row of versions) {
        if (row.kind === 'dns') dns.push(row.since);
        else if (row.entry === '') freeFrom ??= row.since;
        else {
          // A new owner of a number is heard of after its first flows; the former one's end was before them.
          if (known !== null && meaning(known) !== meaning(row)) cuts.add(freeFrom ?? row.since);
          known = row;
          freeFrom = null;
        }
      }
    }
    dns.sort((a, b) => a - b);
    for (let i = DNS_STRETCH; i < dns.length; i += DNS_STRETCH) cuts.add(dns[i] ?? 0);
    return [...cuts].sort((a, b) => a - b);
  }

  /** Of each key what was said last before `end`; of those first heard of later, the first that was said. */
  #build(end: number): Dictionary {
    const dictionary = new Dictionary(this.#node, this.#session);
    const chosen: NameRow[] = [];
    for (const versions of this.#versions.values()) {
      let best: NameRow | undefined;
      let isGone = false;
      for (const row of versions) {
        if (row.since >= end && best !== undefined) break;
        if (row.entry !== '') best = row;
        isGone = row.entry === '' || row.since >= end;
      }
      if (best === undefined) continue;
      chosen.push(best);
      if (isGone && best.kind === 'endpoint') dictionary.gone.add(Number(best.key));
    }
    // The names of addresses that were heard of last are those that are kept.
    chosen.sort((a, b) => a.since - b.since);
    for (const row of chosen) if (row.kind !== 'dns' || row.since < end) dictionary.add(row);
    return dictionary;
  }
}

/** What of an entry the flows it names show. */
function meaning({ kind, entry }: NameRow): string {
  if (kind === 'policy') return '';
  if (kind !== 'service') return entry;
  const { namespace, name } = JSON.parse(entry) as ServiceEntry;
  return `${namespace}/${name}`;
}
