import { describe, expect, it } from 'vitest';
import { lineOf } from './chart.ts';

const box = { width: 100, base: 40, top: 0, since: 0, until: 10_000 };
const at = (time: number, value: number | null) => ({ time, value });

describe('small chart', () => {
  it('scales from 0 to the highest value', () => {
    const { line, most, last } = lineOf([at(0, 0), at(1000, 5), at(2000, 10)], box);
    expect(line).toBe('M0.0 40.0L10.0 20.0L20.0 0.0');
    expect([most, last]).toEqual([10, 10]);
  });

  it('keeps gaps as gaps', () => {
    expect(lineOf([at(0, 1), at(1000, null), at(2000, 1), at(9000, 1)], box).line.match(/M/g)).toHaveLength(3);
  });

  it('lies on the base line where all is 0, and is empty for nothing', () => {
    expect(lineOf([at(0, 0), at(1000, 0)], box).line).toBe('M0.0 40.0L10.0 40.0');
    expect(lineOf([], box)).toEqual({ line: '', area: '', most: 0, last: null });
  });
});
