import { describe, expect, it } from 'vitest';
import { tally } from './tally.mjs';

const vitest = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1, testResults: [] };

describe('tally', () => {
  it('reads a Vitest report', () => {
    expect(tally(vitest, 0)).toEqual({ passed: 7, failed: 0, skipped: 3 });
  });

  it('counts a file that did not load as a failure', () => {
    const report = { ...vitest, testResults: [{ status: 'failed', assertionResults: [] }] };
    expect(tally(report, 1).failed).toBe(1);
  });

  it('reads a Playwright report', () => {
    const report = { stats: { expected: 4, flaky: 1, unexpected: 2, skipped: 3 } };
    expect(tally(report, 1)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });

  it.each([null, vitest])('never calls a failed run passed', (report) => {
    expect(tally(report, 137).failed).toBe(1);
  });

  it('counts nothing where nothing ran', () => {
    expect(tally(null, 0)).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});
