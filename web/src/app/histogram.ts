/** Geometry of the time strip: flows up in grey, drops down in red on their own scale. */
import type { TimelineMessage } from '../../../server/wire/live.ts';

/** Drawing box; the strip stretches it to its width. */
export const WIDTH = 1000;
export const HEIGHT = 68;
/** Base line between flows and drops, and the longest bars, px. */
export const BASE = 42.5;
const UP = 26;
const DOWN = 10;
/** A single drop is at least this high, px. */
const LEAST_DROP = 1.5;
/** Share of a bucket that its bar fills. */
const FILL = 0.77;
const MAX_LABELS = 6;

export interface Bars {
  up: string;
  down: string;
  /** Buckets in which records were lost. */
  lost: string;
}

export function barsOf({ buckets }: TimelineMessage): Bars {
  const step = WIDTH / Math.max(1, buckets.length);
  const most = Math.max(1, ...buckets.map((bucket) => bucket.flows));
  const mostDrops = Math.max(1, ...buckets.map((bucket) => bucket.drops));
  const bar = (index: number, top: number, height: number): string =>
    `M${(index * step + (step * (1 - FILL)) / 2).toFixed(1)} ${top.toFixed(1)}h${(step * FILL).toFixed(1)}v${height.toFixed(1)}h${(-step * FILL).toFixed(1)}z`;
  let [up, down, lost] = ['', '', ''];
  buckets.forEach((bucket, index) => {
    const height = (bucket.flows / most) * UP;
    if (height > 0) up += bar(index, BASE - 0.5 - height, height);
    if (bucket.drops > 0) down += bar(index, BASE + 0.5, Math.max(LEAST_DROP, (bucket.drops / mostDrops) * DOWN));
    if (bucket.lost) lost += bar(index, BASE - 0.5 - UP, UP);
  });
  return { up, down, lost };
}

export interface Tick {
  /** Unix ms. */
  time: number;
  /** Place from the left, 0 to 1. */
  at: number;
}

/** Up to a week; of days the zone is the browser's, so their ticks are near midnight, not at it. */
const STEPS_S = [10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400];
const MAX_TICKS = 6;

/** Round times below the strip. */
export function ticksOf({ since_ms: since, bucket_ms: bucket, buckets }: TimelineMessage): Tick[] {
  const span = bucket * buckets.length;
  const step = 1000 * (STEPS_S.find((seconds) => span / (seconds * 1000) <= MAX_TICKS) ?? 604_800);
  const ticks: Tick[] = [];
  for (let time = Math.ceil(since / step) * step; time < since + span; time += step)
    ticks.push({ time, at: (time - since) / span });
  // One that would be cut at the edge is left out.
  return ticks.filter(({ at }) => at > 0.02 && at < 0.98);
}

export interface Mark extends Tick {
  /** Null for a mark that is only a tick: its label would lie over another. */
  text: string | null;
}

/** The newest marks have labels, each with room for its text; `width` is that of the strip in px. */
export function marksOf(
  { since_ms: since, bucket_ms: bucket, buckets, marks }: TimelineMessage,
  width: number,
): Mark[] {
  const span = bucket * buckets.length;
  let free = 1;
  let labels = 0;
  return marks
    .toSorted((a, b) => b.time_ms - a.time_ms)
    .map(({ time_ms: time, text }) => {
      const at = (time - since) / span;
      const right = at + (text.length * 6 + 70) / Math.max(1, width);
      const hasRoom = labels < MAX_LABELS && right <= free;
      if (hasRoom) {
        labels += 1;
        free = at;
      }
      return { time, at, text: hasRoom ? text : null };
    })
    .filter(({ at }) => at >= 0 && at <= 1);
}
