/** All of Hubble's metrics that were asked for, fed record by record. */
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { MetricConfig, MetricName } from './config.ts';
import type { FlowCounter, FlowMetric } from './flow-counter.ts';
import { DnsMetric, type DurationCounter, HttpMetric, KafkaMetric } from './message-metrics.ts';
import {
  DropMetric,
  FlowsMetric,
  IcmpMetric,
  PolicyMetric,
  PortMetric,
  TcpMetric,
  WorldMetric,
} from './packet-metrics.ts';
import type { SeriesBudget } from './series-budget.ts';

const METRICS: Readonly<Record<MetricName, new (config: MetricConfig, budget: SeriesBudget) => FlowMetric>> = {
  flow: FlowsMetric,
  drop: DropMetric,
  tcp: TcpMetric,
  icmp: IcmpMetric,
  'port-distribution': PortMetric,
  dns: DnsMetric,
  http: HttpMetric,
  httpV2: HttpMetric,
  policy: PolicyMetric,
  'flows-to-world': WorldMetric,
  kafka: KafkaMetric,
};

export class HubbleMetrics {
  readonly #metrics: readonly FlowMetric[];

  constructor(configs: readonly MetricConfig[], budget: SeriesBudget) {
    this.#metrics = configs.map((config) => new METRICS[config.name](config, budget));
  }

  add(record: RecordCursor, names: Names): void {
    for (const metric of this.#metrics) metric.add(record, names);
  }

  /** Forgets what names a pod that is gone. */
  forget(isGone: (pod: string) => boolean): void {
    for (const metric of this.#metrics) metric.forget(isGone);
  }

  get counters(): FlowCounter[] {
    return this.#metrics.flatMap(({ counters }) => counters);
  }

  get durations(): DurationCounter[] {
    return this.#metrics.flatMap((metric) => ('durations' in metric ? (metric.durations as DurationCounter[]) : []));
  }
}
