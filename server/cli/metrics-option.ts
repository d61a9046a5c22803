/** Which metrics `spyglass hub` gives Prometheus, and how many series of them. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_METRICS, type MetricConfig, MetricsError, parseMetrics } from '../hub/metrics/config.ts';
import { DEFAULT_SERIES } from '../hub/metrics/series-budget.ts';

/** The metrics of the hub itself have room in it. */
const LEAST_SERIES = 1000;

export interface MetricsOptions {
  metrics: readonly MetricConfig[];
  metricsSeries: number;
}

export function metricsOptions(): Option[] {
  return [
    new Option(
      '--metrics <list>',
      "Hubble's metrics in its words, such as 'drop flow:sourceContext=workload dns:query'",
    )
      .argParser(readMetrics)
      .default(parseMetrics(DEFAULT_METRICS), DEFAULT_METRICS),
    new Option('--metrics-series <count>', 'time series of all metrics at most; further ones are `other`')
      .argParser(readSeries)
      .default(DEFAULT_SERIES),
  ];
}

function readMetrics(text: string): MetricConfig[] {
  try {
    return parseMetrics(text);
  } catch (error) {
    if (error instanceof MetricsError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function readSeries(text: string): number {
  const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (count < LEAST_SERIES) throw new InvalidArgumentError(`It must be a whole number, at least ${LEAST_SERIES}.`);
  return count;
}
