import { expect, test } from 'vitest';
import { RecordCounter } from './record-counts.ts';

const SIZE = 160;

test('what a former agent left in the ring belongs to this session; what it took does not', () => {
  const kernel = { written: 1000, lost: 70 };
  let inRing = 30;
  const counter = new RecordCounter({
    kernel: () => ({ ...kernel }),
    ringBytes: () => inRing * (SIZE + 8),
    recordSize: SIZE,
    lostBefore: 50,
  });
  expect(counter.counts({ drained: 0, taken: 0, batched: 0, buffer: 0 })).toEqual({
    produced: 30 + 20,
    ring: 20,
    buffer: 0,
    unbatched: 30,
    taken_before: 970,
  });
  kernel.written += 100;
  kernel.lost += 5;
  inRing = 10;
  // 120 of the ring and 7 messages, of which 125 are in batches.
  expect(counter.counts({ drained: 120, taken: 127, batched: 125, buffer: 3 })).toEqual({
    produced: 30 + 20 + 100 + 5 + 7,
    ring: 25,
    buffer: 3,
    unbatched: 10 + 2,
    taken_before: 970,
  });
});

test('figures are of one moment, though the kernel writes meanwhile', () => {
  const kernel = { written: 0, lost: 0 };
  let writes = 0;
  const counter = new RecordCounter({
    kernel: () => ({ ...kernel }),
    ringBytes: () => {
      const bytes = kernel.written * (SIZE + 8);
      // After two of the looks at the ring, before the next one at the counters.
      if (writes-- > 0) kernel.written += 1;
      return bytes;
    },
    recordSize: SIZE,
    lostBefore: 0,
  });
  writes = 2;
  const { produced, unbatched } = counter.counts({ drained: 0, taken: 0, batched: 0, buffer: 0 });
  expect([produced, unbatched]).toEqual([2, 2]);
});
