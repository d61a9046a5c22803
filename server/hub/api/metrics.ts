/** `GET /metrics`: Hubble's flow metrics by their names, and the hub's own pipeline. */
import type { Request, Response } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { DROP_REASON_NAME } from '../../wire/lists.gen.ts';
import type { HubState } from '../hub-state.ts';
import { exportMetrics } from './export-metrics.ts';
import { hubbleMessageMetrics, seriesMetrics } from './l7-metrics.ts';

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Counters are read from the state when Prometheus asks, so that ingest keeps no metric objects. */
export function metricsRoute(state: HubState) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labels: string[], samples: () => Iterable<Sample>): void => {
    const metric: Counter = new Counter({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        for (const [values, value] of samples()) this.inc(values, value);
      },
    });
    void metric;
  };
  const gauge = (name: string, help: string, labels: string[], samples: () => Iterable<Sample>): void => {
    const metric: Gauge = new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        for (const [values, value] of samples()) this.set(values, value);
      },
    });
    void metric;
  };
  hubbleMetrics(state, counter);
  hubbleMessageMetrics(state, counter, registry);
  seriesMetrics(state, counter, registry);
  pipelineMetrics(state, counter, gauge);
  exportMetrics(state, counter, gauge);
  return async (_request: Request, response: Response): Promise<void> => {
    response
      .set('Content-Type', registry.contentType)
      .set('Cache-Control', 'no-store')
      .send(await registry.metrics());
  };
}

export type Define = (name: string, help: string, labels: string[], samples: () => Iterable<Sample>) => void;

function hubbleMetrics(state: HubState, counter: Define): void {
  const flowLabels = ['protocol', 'type', 'subtype', 'verdict'];
  counter('hubble_flows_processed_total', 'Flows received.', flowLabels, () => [
    ...[...state.tally.flows()].map(({ count, ...labels }): Sample => [labels, count]),
    ...[...state.messageTally.flows].map(([labels, { n }]): Sample => [labels, n]),
  ]);
  counter('hubble_drop_total', 'Flows with verdict DROPPED.', ['reason', 'protocol'], () =>
    [...state.tally.drops()].map(({ reason, protocol, count }) => [
      { reason: DROP_REASON_NAME[reason] ?? String(reason), protocol },
      count,
    ]),
  );
  counter('hubble_lost_events_total', 'Flows lost before or in the hub.', ['source'], () => {
    const nodes = [...state.nodes.values()];
    const sum = (of: 'ring' | 'buffer'): number => nodes.reduce((total, node) => total + node.lost[of], 0);
    return [
      [{ source: 'perf_event_ring_buffer' }, sum('ring')],
      [{ source: 'observer_events_queue' }, sum('buffer')],
    ];
  });
}

function pipelineMetrics(state: HubState, counter: Define, gauge: Define): void {
  const { store, stats } = state;
  const perNode = (value: (name: string) => number): Sample[] =>
    [...state.nodes.keys()].map((node) => [{ node }, value(node)]);
  const of = (name: string) => state.nodes.get(name);
  counter('spyglass_hub_flows_total', 'Flows received by node.', ['node'], () => perNode((n) => of(n)?.flows ?? 0));
  counter('spyglass_hub_lost_records_total', 'Records an agent could not keep.', ['node'], () =>
    perNode((n) => of(n)?.lost.records ?? 0),
  );
  counter('spyglass_hub_missing_batches_total', 'Batches whose number never arrived.', ['node'], () =>
    perNode((n) => of(n)?.missingBatches ?? 0),
  );
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
  gauge('spyglass_hub_agent_connected', 'Whether the agent of a node is connected.', ['node'], () =>
    perNode((n) => Number(of(n)?.connected ?? false)),
  );
  gauge('spyglass_hub_lag_seconds', 'Age of the newest record when it was received.', ['node'], () =>
    perNode((n) => (of(n)?.lagMs ?? 0) / 1000),
  );
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
