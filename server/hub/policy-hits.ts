/** Counts what rules decided, from records. By the names of the rules, so that counts outlive agents. */
import type { RuleEntry } from '../wire/agent.ts';
import { RECORD_TYPE, STAGE } from '../wire/lists.gen.ts';
import type { Names } from '../flows/dictionary.ts';
import type { RecordCursor } from '../flows/record.ts';

/** Bound on what agents can make the hub remember. */
const MAX_RULES = 200_000;

export interface HitCount {
  hits: number;
  /** Unix ns of the newest batch with a hit, 0 for none. */
  last: number;
}

/** Counts by the numbers of one agent session. */
export type SessionHits = Map<number, HitCount[]>;

const NONE: HitCount = { hits: 0, last: 0 };

export class PolicyHitCounter {
  readonly #counts = new Map<string, HitCount>();

  /**
   * Counts a new connection for the rules it passed by, and a drop for the default that denied it. `known`
   * belongs to the session of `names`; `time`: Unix ns.
   */
  add(record: RecordCursor, names: Names, known: SessionHits, time: number): void {
    const { ingressRule, egressRule } = record;
    if (ingressRule === 0 && egressRule === 0) return;
    if (record.type === RECORD_TYPE.NEW) {
      if (ingressRule !== 0) this.#hit(ingressRule, 1, names, known, time);
      if (egressRule !== 0) this.#hit(egressRule, 1, names, known, time);
    } else if (record.type === RECORD_TYPE.DROP) {
      const packets = 1 + record.suppressed;
      if (record.dropStage === STAGE.INGRESS_POLICY) this.#hit(ingressRule, packets, names, known, time);
      else if (record.dropStage === STAGE.EGRESS_POLICY) this.#hit(egressRule, packets, names, known, time);
    }
  }

  /** Adds what was counted elsewhere for a rule, or for the defaults of some policies. `last`: Unix ns. */
  take(entry: RuleEntry, hits: number, last: number): void {
    for (const key of keysOf(entry)) {
      const count = this.#count(key);
      if (count === undefined) return;
      count.hits += hits;
      count.last = Math.max(count.last, last);
    }
  }

  ofRule(namespace: string, name: string, direction: string, index: number): HitCount {
    return this.#counts.get(`${namespace}/${name}/${direction}/${index}`) ?? NONE;
  }

  /** What the policy denied (or, in audit mode, would have) together with others. */
  ofDefault(namespace: string, name: string, direction: string): HitCount {
    return this.#counts.get(`${namespace}/${name}/${direction}/default`) ?? NONE;
  }

  /** All counts, with the policy and the place of the rule, or `default`. */
  *[Symbol.iterator](): Iterator<
    readonly [{ namespace: string; name: string; direction: string; rule: string }, HitCount]
  > {
    for (const [key, count] of this.#counts) {
      const [namespace = '', name = '', direction = '', rule = ''] = key.split('/');
      yield [{ namespace, name, direction, rule }, count];
    }
  }

  #hit(ref: number, count: number, names: Names, known: SessionHits, time: number): void {
    let counts = known.get(ref);
    if (counts === undefined) {
      const entry = names.rules.get(ref);
      if (entry === undefined) return;
      counts = keysOf(entry).flatMap((key) => this.#count(key) ?? []);
      known.set(ref, counts);
    }
    for (const it of counts) {
      it.hits += count;
      it.last = Math.max(it.last, time);
    }
  }

  #count(key: string): HitCount | undefined {
    let count = this.#counts.get(key);
    if (count === undefined && this.#counts.size < MAX_RULES) {
      count = { hits: 0, last: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }
}

function keysOf(entry: RuleEntry): string[] {
  if ('default' in entry) return entry.policies.map((it) => `${it.namespace}/${it.name}/${entry.direction}/default`);
  return [`${entry.namespace}/${entry.name}/${entry.direction}/${entry.index}`];
}
