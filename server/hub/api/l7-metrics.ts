/** Our own metrics of messages and of packets, from what agents and kernels count. */
import type { Registry } from 'prom-client';
import type { HubState } from '../hub-state.ts';
import type { CountedOfEdge } from '../metrics/edge-tally.ts';
import type { Sample } from '../metrics/bounded-samples.ts';
import type { Define } from './metrics.ts';
import { ReadHistogram } from './read-histogram.ts';

const PAIR = ['source', 'destination', 'protocol', 'reporter'];
const PAIR_WORDS = 'by workloads; reporter "server": the sender is a pod of another node, whose agent counts it, too';

export function seriesMetrics({ seriesTally, stats }: HubState, counter: Define, registry: Registry): void {
  const { pairs } = seriesTally;
  const sum = (what: 'requests' | 'responses' | 'errors') => (): Sample[] =>
    [...pairs].map(([labels, counts]) => [labels, counts[what]]);
  counter('spyglass_l7_requests_total', `Requests of applications, ${PAIR_WORDS}.`, PAIR, sum('requests'));
  counter('spyglass_l7_responses_total', `Responses of applications, ${PAIR_WORDS}.`, PAIR, sum('responses'));
  counter('spyglass_l7_errors_total', `Responses that tell of a failure, ${PAIR_WORDS}.`, PAIR, sum('errors'));
  new ReadHistogram({
    name: 'spyglass_l7_latency_seconds',
    help: `Time from a request to its response, within 2 %, ${PAIR_WORDS}.`,
    labels: PAIR,
    registry,
    *samples() {
      for (const [labels, { durations }] of pairs) yield [labels, durations] as const;
    },
  });
  counter('spyglass_hub_unreadable_messages_total', 'Records of messages that could not be decoded.', [], () => [
    [{}, stats.unreadableMessages],
  ]);
}

const EDGE = ['source', 'destination', 'protocol', 'verdict', 'reporter'];
const EDGE_WORDS = 'by the kernel\'s count, by workloads; reporter "server": the sender is a pod of another node';

export function edgeMetrics({ edgeTally }: HubState, counter: Define, registry: Registry): void {
  const { counts, rtts } = edgeTally;
  const sum = (what: CountedOfEdge) => (): Sample[] => [...counts].map(([labels, it]) => [labels, it[what]]);
  counter('spyglass_packets_total', `Packets from who began the connection, ${EDGE_WORDS}.`, EDGE, sum('packets'));
  counter('spyglass_bytes_total', `Bytes of these, ${EDGE_WORDS}.`, EDGE, sum('bytes'));
  counter('spyglass_reply_packets_total', `Packets the other way, ${EDGE_WORDS}.`, EDGE, sum('reply_packets'));
  counter('spyglass_reply_bytes_total', `Bytes of these, ${EDGE_WORDS}.`, EDGE, sum('reply_bytes'));
  counter('spyglass_connections_total', `Connections begun, ${EDGE_WORDS}.`, EDGE, sum('connections'));
  new ReadHistogram({
    name: 'spyglass_rtt_seconds',
    help: 'Times of handshakes, by workloads; the sum is an estimate from the buckets.',
    labels: ['source', 'destination', 'reporter'],
    registry,
    samples: () => rtts,
  });
}
