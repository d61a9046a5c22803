/**
 * The hub benchmark: a hub alone, as fast as it can, with and without history.
 * `node dist/bench/hub/main.js [--rounds N] [--seconds N]`.
 */
import { parseArgs } from 'node:util';
import { whole } from '../lib/cells.ts';
import { quiet } from '../lib/quiet.ts';
import { keepResults } from '../lib/results.ts';
import { runBenchmark } from '../lib/stopping.ts';
import { INGEST_METHOD, type IngestSample, measureIngest } from './ingest.ts';
import { budgetTable, CASES, caseName, ingestTable } from './tables.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
  });
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!(rounds >= 1 && rounds <= 100) || !(seconds >= 0.1 && seconds <= 60))
    throw new Error('--rounds is 1 to 100 and --seconds 0.1 to 60.');

  const ingest: IngestSample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const it of CASES) {
      await quiet();
      const sample = await measureIngest(it.store, it.subscribers, seconds);
      ingest.push(sample);
      console.log(`round ${round + 1}/${rounds}  ${caseName(it)}  ${whole(sample.records_per_second)}/s`);
    }
  }
  await keepResults('hub', {
    title: 'Hub',
    method: [`${INGEST_METHOD} ${rounds} rounds of ${seconds} s, each with fresh processes.`],
    tables: [budgetTable(ingest), ingestTable(ingest)],
    raw: { ingest },
  });
}

await runBenchmark(main);
