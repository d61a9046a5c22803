/** The tables of the hub benchmark, and its budgets. */
import { mib, percent, whole } from '../lib/cells.ts';
import type { Table } from '../lib/results.ts';
import { spread } from '../lib/statistics.ts';
import type { IngestSample, StoreKind } from './ingest.ts';

/** What is measured. */
export const CASES: readonly { store: StoreKind; subscribers: number }[] = [
  { store: 'memory', subscribers: 0 },
  { store: 'memory', subscribers: 1 },
  { store: 'memory', subscribers: 20 },
  { store: 'chdb', subscribers: 0 },
];

export const caseName = ({ store, subscribers }: { store: StoreKind; subscribers: number }): string =>
  `${store}, ${subscribers} subscribers`;

export function ingestTable(samples: readonly IngestSample[]): Table {
  const rows = CASES.map((it) => {
    const own = of(samples, it.store, it.subscribers);
    const middle = (value: (sample: IngestSample) => number): number => spread(own.map(value)).median;
    const rate = spread(own.map((sample) => sample.records_per_second));
    const isStored = it.store !== 'memory';
    return [
      caseName(it),
      whole(rate.median),
      `${whole(rate.min)} to ${whole(rate.max)}`,
      percent(middle((sample) => sample.hub_cpu)),
      mib(middle((sample) => sample.hub_rss_bytes)),
      isStored ? percent(middle((sample) => sample.store_cpu)) : '',
      isStored ? mib(middle((sample) => sample.store_rss_bytes)) : '',
      isStored ? whole(own.reduce((sum, { not_stored }) => sum + not_stored, 0)) : '',
      whole(middle((sample) => sample.rows / sample.seconds)),
    ];
  });
  return {
    caption: 'Hub ingest',
    columns: [
      '',
      'records per second',
      'min to max',
      'hub CPU',
      'hub RSS',
      'store CPU',
      'store RSS',
      'not stored',
      'rows shown per second',
    ],
    rows,
  };
}

export function budgetTable(samples: readonly IngestSample[]): Table {
  const rate = (store: StoreKind, subscribers: number): number =>
    spread(of(samples, store, subscribers).map((it) => it.records_per_second)).median;
  const rss = spread(samples.filter(({ store }) => store === 'memory').map((it) => it.hub_rss_bytes)).median;
  const row = (what: string, value: string, budget: string, met: boolean): string[] => [
    what,
    value,
    budget,
    met ? 'met' : 'missed',
  ];
  const [memory, chdb] = [rate('memory', 20), rate('chdb', 0)];
  return {
    caption: 'Budgets',
    columns: ['', 'measured', 'budget', ''],
    rows: [
      row('ingest into memory, one core, 20 subscribers', `${whole(memory)}/s`, '>= 500,000/s', memory >= 500_000),
      row('ingest into chdb', `${whole(chdb)}/s`, '>= 150,000/s', chdb >= 150_000),
      row('hub memory under that load, without store', mib(rss), '<= 400 MB', rss <= 400e6),
    ],
  };
}

function of(samples: readonly IngestSample[], store: StoreKind, subscribers: number): IngestSample[] {
  return samples.filter((it) => it.store === store && it.subscribers === subscribers);
}
