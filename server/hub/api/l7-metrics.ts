/** Metrics of messages: Hubble's by their names, from flow records; and our own, from the agents' series. */
import type { Registry } from 'prom-client';
import type { HubState } from '../hub-state.ts';
import type { LabelCounts } from '../l7/label-counts.ts';
import type { Define, Sample } from './metrics.ts';
import { ReadHistogram } from './read-histogram.ts';

const PAIR = ['source', 'destination', 'protocol', 'reporter'];
const PAIR_WORDS = 'by workloads; reporter "server": the sender is a pod of another node, whose agent counts it, too';

export function hubbleMessageMetrics({ messageTally }: HubState, counter: Define, registry: Registry): void {
  const of = (counts: LabelCounts) => (): Sample[] => [...counts].map(([labels, { n }]) => [labels, n]);
  const { httpRequests, httpResponses, httpDurations, dnsQueries, dnsResponses, dnsResponseTypes } = messageTally;
  const dns = ['rcode', 'qtypes', 'ips_returned'];
  counter('hubble_http_requests_total', 'HTTP requests.', ['method', 'protocol', 'reporter'], of(httpRequests));
  counter(
    'hubble_http_responses_total',
    'HTTP responses.',
    ['method', 'protocol', 'status', 'reporter'],
    of(httpResponses),
  );
  new ReadHistogram({
    name: 'hubble_http_request_duration_seconds',
    help: 'Time from an HTTP request to its response.',
    labels: ['method', 'reporter'],
    registry,
    samples: () => httpDurations,
  });
  counter('hubble_dns_queries_total', 'DNS queries.', dns, of(dnsQueries));
  counter('hubble_dns_responses_total', 'DNS responses.', dns, of(dnsResponses));
  counter('hubble_dns_response_types_total', 'DNS answers by type.', ['type', 'qtypes'], of(dnsResponseTypes));
}

export function seriesMetrics({ seriesTally, messageTally }: HubState, counter: Define, registry: Registry): void {
  const { pairs, losses } = seriesTally;
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
  counter('spyglass_l7_lost_total', 'What agents could not read or send of messages.', ['node', 'cause'], () =>
    [...losses].flatMap(([node, causes]) =>
      Object.entries(causes).map(([cause, count]): Sample => [{ node, cause }, count]),
    ),
  );
  counter('spyglass_hub_unreadable_messages_total', 'Records of messages that could not be decoded.', [], () => [
    [{}, messageTally.unreadable],
  ]);
}
