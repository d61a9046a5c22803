/** What reading messages costs: heads a second through the agent's table of connections, and what is left to applications. */
import { quiet } from '../lib/quiet.ts';
import { keepResults } from '../lib/results.ts';
import { spread } from '../lib/statistics.ts';
import { measureHttp1, measureHttp2, type ParseSample } from './parse.ts';
import { protocolRates } from './protocols.ts';
import { measureSaturation, SATURATION_METHOD, saturationTable } from './saturation.ts';

const ROUNDS = 5;
const SECONDS = 3;
const PROTOCOL_MS = 1000;

const rounds: { protocol: string; samples: ParseSample[] }[] = [];
let busy = 0;
for (const measure of [measureHttp1, measureHttp2]) {
  const samples: ParseSample[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (!(await quiet())) busy++;
    samples.push(await measure(SECONDS));
  }
  rounds.push({ protocol: samples[0]?.protocol ?? '', samples });
}

const protocols = protocolRates(PROTOCOL_MS);
const load = await measureSaturation(ROUNDS, SECONDS);
const busyLoads = load.filter((it) => !it.quiet).length;

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
await keepResults('l7', {
  title: 'Reading messages',
  method: [
    `Captures in memory like that of their ring go through the agent's table of connections on one core: order of bytes, parsers, routes, series, and events for 2,000 exchanges a second. HTTP/1.1: ${count(200)} connections with heads as curl and nginx write them. HTTP/2: 5,000 requests of Node.js's client, recorded. ${ROUNDS} rounds of ${SECONDS} s; ${busy} of ${2 * ROUNDS} began on a busy machine.`,
    'Other protocols: the parser alone, with its metrics, fed the same exchange again and again for 1 s; with events means that each message is also built.',
    `${SATURATION_METHOD} ${ROUNDS} rounds of ${SECONDS} s; ${busyLoads} of ${load.length} began on a busy machine.`,
  ],
  tables: [
    saturationTable(load),
    {
      caption: 'Heads of requests and answers read a second',
      columns: ['protocol', 'bytes a head', 'heads/s (median)', 'least', 'most'],
      rows: rounds.map(({ protocol, samples }) => {
        const { median, min, max } = spread(samples.map((it) => it.heads_per_second));
        return [protocol, count(samples[0]?.bytes_per_head ?? 0), count(median), count(min), count(max)];
      }),
    },
    {
      caption: 'Exchanges of other protocols read a second',
      columns: ['exchange', 'without events', 'with events'],
      rows: protocols.map((it) => [it.name, count(it.withoutEvents), count(it.withEvents)]),
    },
  ],
  raw: { rounds, protocols, load },
});
