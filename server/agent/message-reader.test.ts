import { expect, test } from 'vitest';
import type { RecordSink } from '../base/record-sink.ts';
import { LEAST_SHARE, MessageReader, MOST_SHARE } from './message-reader.ts';

const SINK: RecordSink = { take: () => true };

/** A ring that is never empty, and a clock by which each capture costs `costMs`. */
function flood(costMs: number, idleCores = 2): { reader: MessageReader; clock: { ms: number }; taken: () => number } {
  const clock = { ms: 1000 };
  let taken = 0;
  const ring = {
    drain(_: RecordSink, limit: number): number {
      clock.ms += limit * costMs;
      taken += limit;
      return limit;
    },
  };
  return {
    reader: new MessageReader(
      ring,
      SINK,
      () => idleCores,
      () => clock.ms,
    ),
    clock,
    taken: () => taken,
  };
}

test.each([
  [2, MOST_SHARE],
  [0.7, 0.1],
  [0, LEAST_SHARE],
])('a flood takes its share of a core where %d are idle, in short turns', (idleCores, expected) => {
  const { reader, clock } = flood(0.005, idleCores);
  const begin = clock.ms;
  let longest = 0;
  for (let turn = 0; turn < 4000; turn++) {
    clock.ms += 10;
    const before = clock.ms;
    reader.turn();
    longest = Math.max(longest, clock.ms - before);
  }
  const share = (reader.seconds * 1000) / (clock.ms - begin);
  expect(share).toBeGreaterThan(expected * 0.9);
  expect(share).toBeLessThan(expected * 1.1);
  // One step of 64 captures may pass the limit of 5 ms.
  expect(longest).toBeLessThan(5.4);
});

test('after a pause there is time for more, but not for all of the pause', () => {
  const { reader, clock, taken } = flood(0.005);
  for (let turn = 0; turn < 1000; turn++) {
    clock.ms += 10;
    reader.turn();
  }
  clock.ms += 60_000;
  const before = taken();
  for (let turn = 0; turn < 100; turn++) reader.turn();
  const ms = (taken() - before) * 0.005;
  expect(ms).toBeGreaterThan(90);
  expect(ms).toBeLessThan(140);
});

test('an empty ring is left at once', () => {
  let asked = 0;
  const reader = new MessageReader({ drain: () => (asked++, 0) }, SINK, () => 1);
  reader.turn();
  expect(asked).toBe(1);
});
