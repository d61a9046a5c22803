import { describe, expect, it } from 'vitest';
import { byteFigure, bytes, count, counted, duration, ordinal, rate } from './numbers.ts';

describe('count', () => {
  it.each([
    [0, '0'],
    [0.001, '< 0.01'],
    [0.04, '0.04'],
    [4, '4.0'],
    [9.96, '10'],
    [71.4, '71'],
    [1412, '1,412'],
    [12_345, '12.3k'],
    [999_600, '1.0M'],
    [Number.NaN, '–'],
  ])('%d is %s', (value, text) => expect(count(value)).toBe(text));
});

describe('units', () => {
  it('stand after a no-break space', () => {
    expect(bytes(60)).toBe('60\u00a0B');
    expect(bytes(3100)).toBe('3.1\u00a0kB');
    expect(duration(31_000)).toBe('31\u00a0µs');
    expect(duration(180_000)).toBe('180\u00a0µs');
    expect(duration(44_400_000)).toBe('44\u00a0ms');
    expect(duration(1_200_000_000)).toBe('1.2\u00a0s');
  });

  it('change where rounding would give four digits', () => {
    expect(byteFigure(999.6)).toEqual({ value: '1.0', unit: 'kB' });
    expect(duration(999_700)).toBe('1.0\u00a0ms');
  });

  it('has rates, counted nouns and ordinals', () => {
    expect(rate(7.64)).toBe('7.6/s');
    expect(counted(1, 'pod')).toBe('1 pod');
    expect(counted(1200, 'pod')).toBe('1,200 pods');
    expect([1, 2, 3, 4, 11, 16, 22, 112].map(ordinal).join(' ')).toBe('1st 2nd 3rd 4th 11th 16th 22nd 112th');
  });
});
