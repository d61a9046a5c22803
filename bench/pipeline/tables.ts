/** The tables of the pipeline benchmark, and its budgets. */
import { mib, percent, whole } from '../lib/cells.ts';
import type { Table } from '../lib/results.ts';
import { spread } from '../lib/statistics.ts';
import type { StreamSample } from './stream.ts';

/** Records a second of the stream measurement. */
export const RATE = 200_000;

/** Records a second: what arrived, over the time in which it was produced at a fixed rate. */
export const streamRate = (sample: StreamSample) => sample.received / sample.produce_seconds;
/** Records a second: what arrived, until the last of it had. */
export const agentRate = (sample: StreamSample) => sample.received / sample.seconds;

function median<T>(samples: readonly T[], value: (sample: T) => number): number {
  return spread(samples.map(value)).median;
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

export function budgetTable(streams: readonly StreamSample[], agents: readonly StreamSample[]): Table {
  const row = (what: string, value: string, budget: string, met: boolean) => [
    what,
    value,
    budget,
    met ? 'met' : 'missed',
  ];
  const agent = median(agents, agentRate);
  const lost = totalLost(streams);
  return {
    caption: 'Budgets',
    columns: ['', 'measured', 'budget', ''],
    rows: [
      row('agent, ring buffer to WebSocket, one core', `${whole(agent)}/s`, '>= 1,000,000/s', agent >= 1_000_000),
      row(`lost at ${whole(RATE)}/s`, whole(lost), '0', lost === 0),
    ],
  };
}
