/**
 * Adds up test results: `node scripts/tally.mjs FILE STATUS` prints `PASSED FAILED SKIPPED` of one JSON
 * report, Vitest's or Playwright's. STATUS is the exit status of the run: a run that failed without a
 * failed test in its report (it crashed, or a file did not load) counts as one failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @param {unknown} report parsed JSON report, null if there is none
 * @param {number} status exit status of the run
 * @returns {{ passed: number, failed: number, skipped: number }} numbers of tests
 */
export function tally(report, status) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (report?.stats) {
    counts.passed = report.stats.expected + report.stats.flaky;
    counts.failed = report.stats.unexpected;
    counts.skipped = report.stats.skipped;
  } else if (report) {
    const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
    counts.passed = report.numPassedTests;
    counts.failed = report.numFailedTests + broken.length;
    counts.skipped = report.numPendingTests + (report.numTodoTests ?? 0);
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file = '', status = '0'] = process.argv.slice(2);
  const { passed, failed, skipped } = tally(readReport(file), Number(status));
  console.log(`${passed} ${failed} ${skipped}`);
}
