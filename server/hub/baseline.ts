/**
 * Decides what messages with cumulative counters stand for: increments, or only a baseline to count from. History that
 * the hub did not watch must not appear as one second of traffic.
 */

/** After a longer silence of the agent, what was counted meanwhile is not attributed to one second. */
const MAX_GAP_MS = 5000;
const MAX_KNOWN_IDS = 64;
/** Of one first message that came in parts. */
const MAX_PENDING_PARTS = 64;

/** Whether the hub has followed the session from its first record; null while that is not known yet. */
export type SeenFromStart = boolean | null;

export interface Reading<Message> {
  /** The counters are others than before: what is known of their values is void. */
  isNew: boolean;
  /** Messages to take over now, oldest first. */
  take: { message: Message; as: 'increment' | 'baseline' }[];
  /** False if something was counted that no increment will show. */
  exact: boolean;
}

export class Baseline<Message> {
  #id = '';
  readonly #knownIds = new Set<string>();
  #lastTime = 0;
  #isFresh = true;
  /** First message of new counters, kept until it is known whether they began at zero. */
  #pending: { parts: Message[]; isFirst: boolean } | null = null;
  #wasBaseline = false;

  /** The agent's connection is new: its next message may cover a time of silence. */
  reconnected(): void {
    this.#isFresh = true;
  }

  /** Parts of the first message, while it is not known whether they are increments. */
  get pending(): readonly Message[] {
    return this.#pending?.parts ?? [];
  }

  /**
   * `id` names the counters, which began at zero when it was new; `now` is Unix ms at arrival. With `isPart` the
   * message goes on where the one before ended, and is taken as that was.
   */
  read(id: string, message: Message, fromStart: SeenFromStart, now: number, isPart = false): Reading<Message> {
    const reading: Reading<Message> = { isNew: id !== this.#id, take: [], exact: true };
    if (reading.isNew) {
      reading.exact = this.#id === '';
      this.#id = id;
      this.#pending = { parts: [message], isFirst: !this.#knownIds.has(id) };
      if (this.#knownIds.size < MAX_KNOWN_IDS) this.#knownIds.add(id);
    } else if (isPart && this.#pending !== null && this.#pending.parts.length < MAX_PENDING_PARTS) {
      this.#pending.parts.push(message);
    } else if (isPart && this.#wasBaseline) {
      reading.take.push({ message, as: 'baseline' });
    } else if (this.#isFresh && this.#pending === null && now - this.#lastTime > MAX_GAP_MS) {
      reading.take.push({ message, as: 'baseline' });
      reading.exact = false;
      this.#wasBaseline = true;
    } else {
      this.#settle(fromStart, reading);
      reading.take.push({ message, as: 'increment' });
      this.#wasBaseline = false;
    }
    if (fromStart !== null) this.#settle(fromStart, reading);
    this.#isFresh = false;
    this.#lastTime = now;
    return reading;
  }

  /** Uses the first message, now that it is known, or can no longer be, what it covers. */
  #settle(fromStart: SeenFromStart, reading: Reading<Message>): void {
    if (this.#pending === null) return;
    const { parts, isFirst } = this.#pending;
    this.#pending = null;
    this.#wasBaseline = !(fromStart === true && isFirst);
    for (const message of parts) reading.take.push({ message, as: this.#wasBaseline ? 'baseline' : 'increment' });
  }
}
