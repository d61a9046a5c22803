/** `GET /metrics`: Hubble's metrics by their names, our own of the traffic, and those of the hub's pipeline. */
import type { Request, Response } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { HubState } from '../hub-state.ts';
import { exportMetrics } from './export-metrics.ts';
import { BoundedSamples, type Sample } from '../metrics/bounded-samples.ts';
import { GO_BUCKETS } from '../metrics/label-counts.ts';
import { edgeMetrics, seriesMetrics } from './l7-metrics.ts';
import { nodeMetrics } from './node-metrics.ts';
import { ReadHistogram } from './read-histogram.ts';

/** `samples` is read when Prometheus asks. */
export type Define = (name: string, help: string, labels: readonly string[], samples: () => Iterable<Sample>) => void;

/** Counters are read from the state when Prometheus asks, so that ingest keeps no metric objects. */
export function metricsRoute(state: HubState) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const define =
    (kind: 'counter' | 'gauge', bounds: 'here' | 'already'): Define =>
    (name, help, labels, samples) => {
      const bounded = bounds === 'already' ? null : new BoundedSamples(state.series, kind, labels);
      const read = (): Iterable<Sample> => bounded?.read(samples()) ?? samples();
      const options = { name, help, labelNames: [...labels], registers: [registry] };
      if (kind === 'counter') {
        const counter: Counter = new Counter({
          ...options,
          collect() {
            this.reset();
            for (const [values, value] of read()) this.inc(values, value);
          },
        });
        void counter;
      } else {
        const gauge: Gauge = new Gauge({
          ...options,
          collect() {
            this.reset();
            for (const [values, value] of read()) this.set(values, value);
          },
        });
        void gauge;
      }
    };
  const counter = define('counter', 'here');
  const gauge = define('gauge', 'here');
  const tally = define('counter', 'already');
  hubbleMetrics(state, tally, counter, registry);
  seriesMetrics(state, tally, registry);
  edgeMetrics(state, tally, registry);
  nodeMetrics(state, counter, gauge);
  pipelineMetrics(state, counter, gauge);
  exportMetrics(state, counter, gauge);
  seriesOfMetrics(state, tally, define('gauge', 'already'));
  const scrapes = scrapeMetrics(registry);
  return async (_request: Request, response: Response): Promise<void> => {
    const answered = scrapes();
    const text = await registry.metrics();
    response.set('Content-Type', registry.contentType).set('Cache-Control', 'no-store').send(text);
    answered(response.statusCode);
  };
}

function hubbleMetrics({ hubble, nodes }: HubState, tally: Define, counter: Define, registry: Registry): void {
  for (const { name, help, labelNames, values } of hubble.counters) {
    tally(name, help, labelNames, () => [...values].map(([labels, { n }]): Sample => [labels, n]));
  }
  for (const { name, help, labelNames, values } of hubble.durations) {
    new ReadHistogram({ name, help, labels: [...labelNames], registry, samples: () => values });
  }
  counter('hubble_lost_events_total', 'Flows lost before or in the hub.', ['source'], () => {
    const sum = (of: 'ring' | 'buffer'): number =>
      [...nodes.values()].reduce((total, { ledger }) => total + ledger.total[of], 0);
    return [
      [{ source: 'perf_event_ring_buffer' }, sum('ring')],
      [{ source: 'observer_events_queue' }, sum('buffer')],
    ];
  });
}

/** What Hubble says of its own metrics. @returns begins a scrape; what it returns ends it, with the status code. */
function scrapeMetrics(registry: Registry): () => (code: number) => void {
  const labelNames = ['code'];
  const requests = new Counter({
    name: 'hubble_metrics_http_handler_requests_total',
    help: 'Requests of metrics.',
    labelNames,
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'hubble_metrics_http_handler_request_duration_seconds',
    help: 'Time to answer them.',
    labelNames,
    buckets: [...GO_BUCKETS],
    registers: [registry],
  });
  return () => {
    const begun = performance.now();
    return (code) => {
      requests.inc({ code: String(code) });
      durations.observe({ code: String(code) }, (performance.now() - begun) / 1000);
    };
  };
}

/** These are always there. */
function seriesOfMetrics({ series }: HubState, counter: Define, gauge: Define): void {
  series.reserve(3);
  gauge('spyglass_metrics_series', 'Series of these metrics: now, and at most.', ['state'], () => [
    [{ state: 'used' }, series.used],
    [{ state: 'limit' }, series.limit],
  ]);
  counter(
    'spyglass_metrics_folded_total',
    'How often something was counted in a series `other`, for want of room.',
    [],
    () => [[{}, series.folded]],
  );
}

function pipelineMetrics(state: HubState, counter: Define, gauge: Define): void {
  const { store, stats } = state;
  counter('spyglass_hub_batches_total', 'Batches stored.', [], () => [[{}, stats.batches]]);
  counter('spyglass_hub_duplicate_batches_total', 'Batches that were held already.', [], () => [
    [{}, stats.duplicateBatches],
  ]);
  counter('spyglass_hub_received_bytes_total', 'Bytes of batches received.', [], () => [[{}, stats.bytes]]);
  counter('spyglass_hub_protocol_errors_total', 'Agent connections closed for a fault.', ['fault'], () =>
    [...stats.faults].map(([fault, count]) => [{ fault }, count]),
  );
  counter('spyglass_hub_slow_readers_total', 'Readers that were cut.', [], () => [[{}, stats.slowReaders]]);
  counter('spyglass_hub_overwritten_flows_total', 'Flows overwritten in memory.', [], () => [[{}, store.evicted]]);
  gauge('spyglass_hub_stored_flows', 'Flows in memory.', [], () => [[{}, store.stored]]);
  gauge('spyglass_hub_memory_bytes', 'Memory taken for flows.', [], () => [[{}, store.usedBytes]]);
  gauge('spyglass_hub_memory_limit_bytes', 'Memory allowed for flows.', [], () => [[{}, store.capacityBytes]]);
  counter('spyglass_hub_grpc_calls_total', 'Ended calls of the Hubble API.', ['method', 'code'], () =>
    [...(state.grpc?.calls ?? [])].map(([key, count]) => {
      const [method = '', code = ''] = key.split(' ');
      return [{ method, code }, count];
    }),
  );
  counter('spyglass_hub_grpc_flows_total', 'Flows sent by the Hubble API.', [], () => [[{}, state.grpc?.flows ?? 0]]);
  gauge('spyglass_hub_grpc_streams', 'Streams of flows of the Hubble API.', [], () => [[{}, state.grpc?.streams ?? 0]]);
  historyMetrics(state, counter, gauge);
  gauge('spyglass_hub_recorders', 'Recorders that listen.', [], () => [[{}, stats.recorders]]);
  gauge('spyglass_hub_live_clients', 'Browsers on the live stream.', [], () => [[{}, stats.liveClients]]);
}

function historyMetrics({ history }: HubState, counter: Define, gauge: Define): void {
  if (history === null) return;
  const { writer } = history;
  const { stats } = writer;
  counter('spyglass_history_rows_total', 'Flows stored.', [], () => [[{}, stats.rows]]);
  counter('spyglass_history_bytes_total', 'Bytes of rows stored, before compression.', [], () => [[{}, stats.bytes]]);
  counter('spyglass_history_not_stored_total', 'Flows given up.', ['cause'], () =>
    Object.entries(stats.notStored).map(([cause, count]) => [{ cause }, count]),
  );
  counter('spyglass_history_inserts_total', 'Inserts that succeeded.', [], () => [[{}, stats.inserts]]);
  counter('spyglass_history_insert_seconds_total', 'Their time.', [], () => [[{}, stats.seconds]]);
  counter('spyglass_history_failures_total', 'Tries to store a block that failed.', [], () => [[{}, stats.failures]]);
  gauge('spyglass_history_backlog_bytes', 'Rows that wait to be stored.', [], () => [[{}, writer.backlogBytes]]);
  gauge('spyglass_history_ready', 'Whether the last insert succeeded.', [], () => [
    [{}, Number(stats.state === 'ready')],
  ]);
}
