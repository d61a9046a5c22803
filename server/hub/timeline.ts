/** Totals of each of the last 15 minutes' seconds, and marks of what happened, for the time strip. */
import type { TimelineMessage } from '../wire/live.ts';
import type { TimelineBucket } from '../wire/timeline.ts';

export const TIMELINE_S = 900;
const MAX_MARKS = 100;
const RATE_S = 5;

interface Second {
  /** Unix seconds; slots are reused after TIMELINE_S. */
  at: number;
  flows: number;
  drops: number;
  lost: boolean;
}

export class Timeline {
  readonly #seconds: Second[] = Array.from({ length: TIMELINE_S }, () => ({ at: 0, flows: 0, drops: 0, lost: false }));
  readonly #marks: { time_ms: number; text: string }[] = [];

  /** Times are Unix ms at arrival. */
  addFlows(now: number, count: number): void {
    this.#slot(now).flows += count;
  }
  addDrops(now: number, packets: number): void {
    this.#slot(now).drops += packets;
  }
  addLoss(now: number): void {
    this.#slot(now).lost = true;
  }
  mark(now: number, text: string): void {
    this.#marks.push({ time_ms: now, text });
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
  }

  /** Per second, over the last five whole seconds, or so many. */
  rate(now: number, what: 'flows' | 'drops', seconds = RATE_S): number {
    const end = Math.floor(now / 1000);
    let sum = 0;
    for (let at = end - seconds; at < end; at++) sum += this.#read(at)?.[what] ?? 0;
    return sum / seconds;
  }

  /** Whole buckets up to now; the last one is still filling. */
  message(now: number, windowS: number, bucketS: number): TimelineMessage {
    const end = Math.floor(now / 1000 / bucketS) * bucketS + bucketS;
    const count = Math.min(Math.ceil(windowS / bucketS), Math.floor(TIMELINE_S / bucketS));
    const since = end - count * bucketS;
    const buckets = this.buckets(since, bucketS, count);
    return {
      type: 'timeline',
      since_ms: since * 1000,
      bucket_ms: bucketS * 1000,
      buckets,
      marks: this.#marks.filter((mark) => mark.time_ms >= since * 1000),
    };
  }

  /** `count` buckets of `bucketS` seconds each from `since` on (Unix seconds). */
  buckets(since: number, bucketS: number, count: number): TimelineBucket[] {
    return Array.from({ length: count }, (_, index) => {
      const bucket = { flows: 0, drops: 0, lost: false };
      for (let at = since + index * bucketS; at < since + (index + 1) * bucketS; at++) {
        const second = this.#read(at);
        bucket.flows += second?.flows ?? 0;
        bucket.drops += second?.drops ?? 0;
        bucket.lost ||= second?.lost ?? false;
      }
      return bucket;
    });
  }

  #read(at: number): Second | undefined {
    const second = this.#seconds[at % TIMELINE_S];
    return second?.at === at ? second : undefined;
  }

  #slot(now: number): Second {
    const at = Math.floor(now / 1000);
    const known = this.#read(at);
    if (known !== undefined) return known;
    const fresh = { at, flows: 0, drops: 0, lost: false };
    this.#seconds[at % TIMELINE_S] = fresh;
    return fresh;
  }
}
