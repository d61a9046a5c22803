/** The tables of the pipeline benchmark, and its budgets. */
import type { Table } from '../lib/results.ts';
import { spread } from '../lib/statistics.ts';
import type { IngestSample } from './ingest.ts';
import type { StreamSample } from './stream.ts';

/** Records a second of the stream measurement. */
export const RATE = 200_000;

/** Subscribers in the two measurements of the hub alone. */
export const SUBSCRIBERS = [0, 20];

export const whole = (value: number) => Math.round(value).toLocaleString('en');

const mib = (bytes: number) => `${whole(bytes / 2 ** 20)} MiB`;
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

/** Records a second: what arrived, over the time in which it was produced at a fixed rate. */
export const streamRate = (sample: StreamSample) => sample.received / sample.produce_seconds;
/** Records a second: what arrived, until the last of it had. */
export const agentRate = (sample: StreamSample) => sample.received / sample.seconds;

function median<T>(samples: readonly T[], value: (sample: T) => number): number {
  return spread(samples.map(value)).median;
}

export function ingestTable(samples: readonly IngestSample[]): Table {
  const rows = SUBSCRIBERS.map((count) => {
    const own = samples.filter(({ subscribers }) => subscribers === count);
    const rate = spread(own.map((sample) => sample.records_per_second));
    return [
      `${count} subscribers`,
      whole(rate.median),
      `${whole(rate.min)} to ${whole(rate.max)}`,
      percent(median(own, (sample) => sample.hub_cpu)),
      mib(median(own, (sample) => sample.hub_rss_bytes)),
      whole(median(own, (sample) => sample.rows / sample.seconds)),
    ];
  });
  return {
    caption: 'Hub ingest',
    columns: ['', 'records per second', 'min to max', 'hub CPU', 'hub RSS', 'rows shown per second'],
    rows,
  };
}

export function streamTable(streams: readonly StreamSample[], agents: readonly StreamSample[]): Table {
  const row = (
    label: string,
    samples: readonly StreamSample[],
    rate: (sample: StreamSample) => number,
    lost: string,
  ) => [
    label,
    whole(median(samples, rate)),
    lost,
    percent(median(samples, (it) => it.agent_cpu)),
    mib(median(samples, (it) => it.agent_rss_bytes)),
    percent(median(samples, (it) => it.server_cpu)),
    mib(median(samples, (it) => it.server_rss_bytes)),
  ];
  return {
    caption: 'Stream',
    columns: ['', 'records per second', 'lost', 'agent CPU', 'agent RSS', 'hub CPU', 'hub RSS'],
    rows: [
      row(`${whole(RATE)}/s to hub and 20 subscribers`, streams, streamRate, whole(totalLost(streams))),
      row('agent alone, full ring', agents, agentRate, ''),
    ],
  };
}

function totalLost(streams: readonly StreamSample[]): number {
  return streams.reduce((sum, { produced, received }) => sum + produced - received, 0);
}

export function budgetTable(
  streams: readonly StreamSample[],
  agents: readonly StreamSample[],
  ingest: readonly IngestSample[],
): Table {
  const row = (what: string, value: string, budget: string, met: boolean) => [
    what,
    value,
    budget,
    met ? 'met' : 'missed',
  ];
  const agent = median(agents, agentRate);
  const lost = totalLost(streams);
  const hub = median(
    ingest.filter(({ subscribers }) => subscribers === 20),
    (it) => it.records_per_second,
  );
  const rss = median(ingest, (it) => it.hub_rss_bytes);
  return {
    caption: 'Budgets',
    columns: ['', 'measured', 'budget', ''],
    rows: [
      row('agent, ring buffer to WebSocket, one core', `${whole(agent)}/s`, '>= 1,000,000/s', agent >= 1_000_000),
      row(`lost at ${whole(RATE)}/s`, whole(lost), '0', lost === 0),
      row('hub ingest, one core, 20 subscribers', `${whole(hub)}/s`, '>= 500,000/s', hub >= 500_000),
      row('hub memory under that load', mib(rss), '<= 400 MB', rss <= 400e6),
    ],
  };
}
