/** The tables of the datapath benchmark, and its budgets. */
import type { Results, Table } from '../lib/results.ts';
import { ratio, type Spread, spread } from '../lib/statistics.ts';
import { CONNECTIONS, type Mode, type Samples } from './traffic.ts';
import type { Variant } from './variants.ts';

const whole = (value: number) => Math.round(value).toLocaleString('en');
const times = ({ median, min, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;

function figures(variants: readonly Variant[], samples: Samples, mode: Mode): Table {
  const rates = (name: string) => ratesOf(samples, name, mode);
  const microseconds = (name: string, key: 'p50_ns' | 'p99_ns') =>
    (spread(samples[name]?.[mode].map((sample) => sample[key]) ?? []).median / 1000).toFixed(0);
  return {
    caption: mode === 'crr' ? 'Connect, request, close' : 'Requests on open connections',
    columns: ['', 'per second', 'min to max', 'x plain (min to max)', 'p50 µs', 'p99 µs'],
    rows: variants.map(({ name, label }) => {
      const { median, min, max } = spread(rates(name));
      return [
        label,
        whole(median),
        `${whole(min)} to ${whole(max)}`,
        times(ratio(rates(name), rates('plain'))),
        microseconds(name, 'p50_ns'),
        microseconds(name, 'p99_ns'),
      ];
    }),
  };
}

interface Budget {
  what: string;
  mode: Mode;
  of: string;
  to: string;
  atLeast: number;
  atMost?: number;
}

const MEASURED = 'spyglass-10000';

const BUDGETS: readonly Budget[] = [
  { what: 'CRR, against plain routing', mode: 'crr', of: MEASURED, to: 'plain', atLeast: 1 },
  { what: 'CRR, against iptables', mode: 'crr', of: MEASURED, to: 'iptables-10000-middle', atLeast: 4 },
  { what: 'CRR, against iptables, last rule', mode: 'crr', of: MEASURED, to: 'iptables-10000-last', atLeast: 4 },
  { what: 'CRR, against nftables', mode: 'crr', of: MEASURED, to: 'nftables-10000', atLeast: 1.2 },
  { what: 'RR, against plain routing', mode: 'rr', of: MEASURED, to: 'plain', atLeast: 1.03 },
  { what: 'CRR, 10,000 Services against 1', mode: 'crr', of: MEASURED, to: 'spyglass-1', atLeast: 0.95, atMost: 1.05 },
  { what: 'RR, 10,000 Services against 1', mode: 'rr', of: MEASURED, to: 'spyglass-1', atLeast: 0.95, atMost: 1.05 },
  { what: 'CRR, events on against off', mode: 'crr', of: MEASURED, to: 'spyglass-10000-silent', atLeast: 0.99 },
  { what: 'RR, events on against off', mode: 'rr', of: MEASURED, to: 'spyglass-10000-silent', atLeast: 0.99 },
];

const ratesOf = (samples: Samples, name: string, mode: Mode) =>
  samples[name]?.[mode].map((sample) => sample.requests_per_second) ?? [];

function budgets(samples: Samples): Table {
  return {
    caption: 'Budgets (Spyglass, 10,000 Services, events on)',
    columns: ['', 'ratio (min to max)', 'budget', ''],
    rows: BUDGETS.map(({ what, mode, of, to, atLeast, atMost }) => {
      const measured = ratio(ratesOf(samples, of, mode), ratesOf(samples, to, mode));
      const met = measured.median >= atLeast && measured.median <= (atMost ?? Number.POSITIVE_INFINITY);
      const budget = atMost === undefined ? `>= ${atLeast}` : `${atLeast} to ${atMost}`;
      return [what, times(measured), budget, met ? 'met' : 'missed'];
    }),
  };
}

/** Everything the benchmark keeps. */
export function report(
  variants: readonly Variant[],
  samples: Samples,
  { rounds, seconds }: { rounds: number; seconds: number },
): Results {
  const all = Object.values(samples).flatMap(({ crr, rr }) => [...crr, ...rr]);
  const busy = all.filter((sample) => !sample.calm).length;
  return {
    title: 'Datapath',
    method: [
      `A client pod and a server pod on one node, TCP over IPv4, one byte each way, ${CONNECTIONS} connections busy at any time. ` +
        `The client runs on core 0 and the server on core 1. ${rounds} rounds of ${seconds} s; every round measures every variant, in turned order. ` +
        'Figures are medians over the rounds; ratios are taken within a round. ' +
        `Each measurement waits up to 5 s for a quiet machine; ${busy} of ${all.length} began on a busy one.`,
      'iptables means rules as kube-proxy writes them, loaded with iptables-legacy-restore; nftables means the ruleset of its nftables mode. ' +
        'The measured Service stands in the middle of the list, or at its end where the table says last.',
      'With events on, the aggregation level is medium and the records are drained into batches on the same two cores; what sending them to a hub costs is in the pipeline benchmark. ' +
        'With events off, the level is none. Counters are kept at every level.',
    ],
    tables: [budgets(samples), figures(variants, samples, 'crr'), figures(variants, samples, 'rr')],
    raw: samples,
  };
}
