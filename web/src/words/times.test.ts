import { describe, expect, it } from 'vitest';
import { clock, clockMs, clockUs } from './times.ts';

describe('times', () => {
  const time = '2026-11-22T18:33:56.438631588Z';
  const second = clock(Date.parse(time));

  it('writes milliseconds, and microseconds apart', () => {
    expect(clockMs(time)).toBe(`${second}.438`);
    expect(clockUs(time)).toBe(`${second}.438\u202f631`);
  });

  it('fills up what the time leaves out', () => {
    expect(clockMs('2026-11-22T18:33:56Z')).toBe(`${second}.000`);
    expect(clockMs('2026-11-22T18:33:56.5Z')).toBe(`${second}.500`);
  });
});
