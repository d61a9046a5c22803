/** Vitest's JSON reports of several machines as one: `node merge-reports.mjs TO FROM...`. */
import { readFileSync, writeFileSync } from 'node:fs';

const [to = '', ...from] = process.argv.slice(2);
const reports = from.map((file) => JSON.parse(readFileSync(file, 'utf8')));
const sum = (/** @type {string} */ field) => reports.reduce((total, report) => total + (report[field] ?? 0), 0);
const counts = ['numPassedTests', 'numFailedTests', 'numPendingTests', 'numTodoTests'];
const merged = {
  ...Object.fromEntries(counts.map((field) => [field, sum(field)])),
  testResults: reports.flatMap((report) => report.testResults),
};
writeFileSync(to, JSON.stringify(merged));
