/** The tables of the datapath benchmark, and its budgets. */
import type { Results, Table } from '../lib/results.ts';
import { ratio, type Spread, spread } from '../lib/statistics.ts';
import type { Samples } from './main.ts';
import { CONNECTIONS, type Mode } from './traffic.ts';
import type { Variant } from './variants.ts';

const whole = (value: number) => Math.round(value).toLocaleString('en');
const times = ({ median, min, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;

function figures(variants: readonly Variant[], samples: Samples, mode: Mode): Table {
  const rates = (name: string) => samples[name]?.[mode].map((sample) => sample.requests_per_second) ?? [];
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

/** Everything the benchmark keeps. */
export function report(
  variants: readonly Variant[],
  samples: Samples,
  { rounds, seconds }: { rounds: number; seconds: number },
): Results {
  return {
    title: 'Datapath',
    method: [
      `A client pod and a server pod on one node, TCP over IPv4, one byte each way, ${CONNECTIONS} connections busy at any time. ` +
        `The client runs on core 0 and the server on core 1. ${rounds} rounds of ${seconds} s; every round measures every variant, in turned order. ` +
        'Figures are medians over the rounds; ratios are taken within a round.',
      'iptables means rules as kube-proxy writes them, loaded with iptables-legacy-restore; nftables means the ruleset of its nftables mode. ' +
        'The measured Service stands in the middle of the list, or at its end where the table says last.',
    ],
    tables: [figures(variants, samples, 'crr'), figures(variants, samples, 'rr')],
    raw: samples,
  };
}
