import { describe, expect, it } from 'vitest';
import type { TimelineMessage } from '../../../server/wire/live.ts';
import { barsOf, marksOf, ticksOf } from './histogram.ts';

/** 20 s past a whole minute. */
const START = 1_800_000_020_000;

function timeline(change: Partial<TimelineMessage> = {}): TimelineMessage {
  const buckets = Array.from({ length: 150 }, () => ({ flows: 100, drops: 0, lost: false }));
  return { type: 'timeline', since_ms: START, bucket_ms: 2000, buckets, marks: [], ...change };
}

describe('time strip', () => {
  it('shows a single drop at least 1.5 px high, whatever the others are', () => {
    const buckets = [
      { flows: 10, drops: 1, lost: false },
      { flows: 10, drops: 1000, lost: true },
    ];
    const { down, lost } = barsOf(timeline({ buckets }));
    expect(down).toContain('v1.5h');
    expect(down).toContain('v10.0h');
    expect(lost.match(/M/g)).toHaveLength(1);
  });

  it('draws nothing for nothing', () => {
    expect(barsOf(timeline({ buckets: [] }))).toEqual({ up: '', down: '', lost: '' });
    expect(ticksOf(timeline({ buckets: [] }))).toEqual([]);
  });

  it('has ticks at whole minutes of five', () => {
    const ticks = ticksOf(timeline());
    expect(ticks).toHaveLength(5);
    expect(ticks.every(({ time }) => time % 60_000 === 0)).toBe(true);
  });

  it('labels the newest marks that have room', () => {
    const at = (share: number, text: string) => ({ time_ms: START + share * 300_000, text });
    const marks = marksOf(
      timeline({ marks: [at(0.5, 'pod a started'), at(0.52, 'pod b started'), at(0.1, 'old')] }),
      1000,
    );
    expect(marks.map(({ text }) => text)).toEqual(['pod b started', null, 'old']);
  });
});
