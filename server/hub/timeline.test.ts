import { describe, expect, it } from 'vitest';
import { Timeline } from './timeline.ts';

const NOW = 1_772_619_330_000;

describe('Timeline', () => {
  it('gives buckets up to now', () => {
    const timeline = new Timeline();
    for (let s = 0; s < 30; s++) timeline.addFlows(NOW - s * 1000, 2);
    timeline.addDrops(NOW, 5);
    timeline.addLoss(NOW);
    timeline.mark(NOW - 1000, 'something');
    const { buckets, since_ms, bucket_ms, marks } = timeline.message(NOW, 20, 10);
    expect({ since_ms, bucket_ms }).toEqual({ since_ms: NOW - 10_000, bucket_ms: 10_000 });
    expect(buckets).toEqual([
      { flows: 20, drops: 0, lost: false },
      { flows: 2, drops: 5, lost: true },
    ]);
    expect(marks).toHaveLength(1);
  });

  it('forgets after 15 minutes', () => {
    const timeline = new Timeline();
    timeline.addFlows(NOW, 1);
    timeline.addFlows(NOW + 900_000, 1);
    expect(timeline.message(NOW + 900_000, 900, 1).buckets.reduce((sum, { flows }) => sum + flows, 0)).toBe(1);
  });

  it('rates are means of five whole seconds', () => {
    const timeline = new Timeline();
    timeline.addFlows(NOW - 1000, 10);
    timeline.addFlows(NOW, 1000);
    expect(timeline.rate(NOW, 'flows')).toBe(2);
  });
});
