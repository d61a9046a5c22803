/**
 * How full the maps are, and a warning before one is. Large maps are walked a batch at a time, so that the
 * event loop is never held up; what somebody counts anyway is not walked at all.
 */
import { MAP_FILL_WARNING } from '../wire/status.ts';

export interface MapFill {
  name: string;
  entries: number;
  maxEntries: number;
  /** How often it has come to the warning threshold since this agent started. */
  warnings: number;
}

export interface CountedMap {
  name: string;
  maxEntries: number;
  /** The entries, in as many parts as there are steps to count them. */
  parts(): Iterable<number>;
}

/** A map that has become nearly full, or is no longer. */
export interface FillChange {
  isWarning: boolean;
  /** One sentence without a full stop: which map, how full, what follows, what to do. */
  words: string;
}

/** A round over all maps begins so long after the one before. */
const ROUND_MS = 30_000;
/** Below this share a map is no longer nearly full: one that moves around the threshold warns once. */
const CALM = 0.7;

/** What happens when it is full, where it is not that new entries are refused. */
const WHEN_FULL: Readonly<Record<string, string>> = {
  flow_cache: 'when it is full, new connections push out each other, established ones stay; find who opens so many',
  flow_overflow: 'when it is full, the newest connections break off older ones in it; find who opens so many',
  edges: 'when it is full, further edges are counted together; find who calls so many addresses or ports',
  fragments: 'when it is full, fragments of the oldest datagrams are dropped; lower the size of what is sent',
  affinity: 'when it is full, the clients unseen for longest lose their backend; shorten the affinity timeouts',
  socket_services: 'when it is full, the sockets unused for longest get answers from backends untranslated',
};
const REFUSED =
  'when it is full, nothing can be added: what is new is not forwarded, what is there stays; remove what is not used';

export class MapFills {
  readonly #maps: readonly CountedMap[];
  readonly #fills = new Map<string, MapFill>();
  readonly #warned = new Set<string>();
  #round: Iterator<FillChange | undefined> | undefined;
  #due = 0;

  constructor(maps: readonly CountedMap[]) {
    this.#maps = maps;
  }

  /** What the last look at each map found; without those that have not been looked at yet. */
  get all(): readonly MapFill[] {
    return [...this.#fills.values()];
  }

  /**
   * Looks at one part of one map, if a round is due. `nowMs`: of any clock that does not go back. @throws what
   * reading the map throws; the next round tries again.
   */
  step(nowMs: number): FillChange | undefined {
    if (this.#round === undefined) {
      if (nowMs < this.#due) return undefined;
      this.#due = nowMs + ROUND_MS;
      this.#round = this.#look();
    }
    try {
      const { value, done } = this.#round.next() as IteratorResult<FillChange | undefined, undefined>;
      if (done === true) this.#round = undefined;
      return value;
    } catch (error) {
      this.#round = undefined;
      throw error;
    }
  }

  *#look(): Generator<FillChange | undefined, undefined> {
    for (const map of this.#maps) {
      let entries = 0;
      for (const part of map.parts()) {
        entries += part;
        yield undefined;
      }
      yield this.#note(map, entries);
    }
  }

  #note({ name, maxEntries }: CountedMap, entries: number): FillChange | undefined {
    const share = entries / maxEntries;
    const wasWarned = this.#warned.has(name);
    const isWarning = share >= (wasWarned ? CALM : MAP_FILL_WARNING);
    const before = this.#fills.get(name)?.warnings ?? 0;
    this.#fills.set(name, { name, entries, maxEntries, warnings: before + Number(isWarning && !wasWarned) });
    if (isWarning === wasWarned) return undefined;
    const fill = `${Math.floor(share * 100)} % full (${entries} of ${maxEntries} entries)`;
    if (!isWarning) {
      this.#warned.delete(name);
      return { isWarning, words: `map ${name} has room again: ${fill}` };
    }
    this.#warned.add(name);
    return { isWarning, words: `map ${name} is ${fill}; ${WHEN_FULL[name] ?? REFUSED}` };
  }
}
