/** A histogram that is read from the hub's state when Prometheus asks, as the other metrics are. */
import { Histogram, type Registry } from 'prom-client';
import type { Durations, Labels } from '../metrics/label-counts.ts';

export interface HistogramOptions {
  name: string;
  help: string;
  labels: string[];
  registry: Registry;
  samples: () => Iterable<readonly [Labels, Durations]>;
}

interface Value {
  metricName: string;
  labels: Record<string, string | number>;
  value: number;
}

export class ReadHistogram extends Histogram {
  readonly #options: HistogramOptions;

  constructor(options: HistogramOptions) {
    super({ name: options.name, help: options.help, labelNames: options.labels, registers: [options.registry] });
    this.#options = options;
  }

  /** How the registry asks its histograms; the declared `get` is made of this. */
  async getForPromString(): Promise<{ name: string; help: string; type: 'histogram'; values: Value[] }> {
    const { name, help, samples } = this.#options;
    const values: Value[] = [];
    for (const [labels, { bounds, counts, sum }] of samples()) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        const le = bounds[i] ?? '+Inf';
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: total });
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: total });
    }
    return { name, help, type: 'histogram', values };
  }
}
