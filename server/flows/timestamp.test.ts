import { describe, expect, it } from 'vitest';
import { formatTime, parseDuration, parseTime } from './timestamp.ts';

const NOW = 1_772_619_330_000_000_000n;

describe('formatTime', () => {
  it.each([
    [1_772_619_330_000_000_000n, '2026-03-04T10:15:30Z'],
    [1_772_619_330_500_000_000n, '2026-03-04T10:15:30.500Z'],
    [1_772_619_330_000_001_000n, '2026-03-04T10:15:30.000001Z'],
    [1_772_619_330_123_456_789n, '2026-03-04T10:15:30.123456789Z'],
    [1_772_619_330_123_000_000n, '2026-03-04T10:15:30.123Z'],
  ])('%s', (ns, text) => {
    expect(formatTime(ns)).toBe(text);
  });
});

describe('parseTime', () => {
  it.each([
    ['2026-03-04T10:15:30Z', NOW],
    ['2026-03-04T12:15:30+02:00', NOW],
    ['2026-03-04T10:15:30.123456789Z', NOW + 123_456_789n],
    ['2026-03-04', NOW - 36_930_000_000_000n],
    ['2024-02-29', 1_709_164_800_000_000_000n],
    ['90s', NOW - 90_000_000_000n],
    ['1h30m', NOW - 5_400_000_000_000n],
  ])('%s', (text, ns) => {
    expect(parseTime(text, NOW)).toBe(ns);
  });

  it.each([
    '',
    'yesterday',
    '5',
    '2026-13-04T10:15:30Z',
    '2026-02-29',
    '2026-04-31T10:15:30Z',
    '2026-03-04 10:15',
    '5m ago',
    '-5m',
  ])('refuses %j', (text) => {
    expect(parseTime(text, NOW)).toBeNull();
  });

  it('reads fractions of durations', () => {
    expect(parseDuration('1.5s')).toBe(1_500_000_000n);
    expect(parseDuration('250ms')).toBe(250_000_000n);
  });
});
