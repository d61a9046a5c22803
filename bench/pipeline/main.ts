/**
 * The pipeline benchmark: hub ingest alone, with and without subscribers.
 * `node dist/bench/pipeline/main.js [--rounds N] [--seconds N]`.
 */
import { parseArgs } from 'node:util';
import { keepResults, type Table } from '../lib/results.ts';
import { spread } from '../lib/statistics.ts';
import { INGEST_METHOD, type IngestSample, measureIngest } from './ingest.ts';

const SUBSCRIBERS = [0, 20];

const whole = (value: number) => Math.round(value).toLocaleString('en');

function ingestTable(samples: readonly IngestSample[]): Table {
  const rows = SUBSCRIBERS.map((count) => {
    const own = samples.filter(({ subscribers }) => subscribers === count);
    const rate = spread(own.map((sample) => sample.records_per_second));
    return [
      `${count} subscribers`,
      whole(rate.median),
      `${whole(rate.min)} to ${whole(rate.max)}`,
      `${(spread(own.map((sample) => sample.hub_cpu)).median * 100).toFixed(0)} %`,
      `${whole(spread(own.map((sample) => sample.hub_rss_bytes)).median / 2 ** 20)} MiB`,
      whole(spread(own.map((sample) => sample.rows / sample.seconds)).median),
    ];
  });
  return {
    caption: 'Hub ingest',
    columns: ['', 'records per second', 'min to max', 'hub CPU', 'hub RSS', 'rows shown per second'],
    rows,
  };
}

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
    for (const subscribers of SUBSCRIBERS) {
      const sample = await measureIngest(subscribers, seconds);
      ingest.push(sample);
      console.log(
        `round ${round + 1}/${rounds}  ingest, ${subscribers} subscribers  ${whole(sample.records_per_second)}/s`,
      );
    }
  }
  await keepResults('pipeline', {
    title: 'Pipeline',
    method: [`${INGEST_METHOD} ${rounds} rounds of ${seconds} s, each with a fresh hub.`],
    tables: [ingestTable(ingest)],
    raw: { ingest },
  });
}

await main();
