/**
 * Hubble's metrics of messages: http, httpV2, dns, kafka. Like Hubble's own they count flow records: what agents did not
 * send as events, because there was too much of it, is only in the series (series-tally.ts).
 */
import type { DnsMessage, HttpMessage, L7Message } from '../../wire/l7.ts';
import { RECORD_TYPE, VERDICT } from '../../wire/lists.gen.ts';
import { rcodeWords } from '../../flows/l7/rcode-words.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { MetricConfig } from './config.ts';
import { FlowCounter, FlowMetric } from './flow-counter.ts';
import { Durations, GO_BUCKETS, histogramSeries, LabelMap } from './label-counts.ts';
import type { SeriesBudget } from './series-budget.ts';

/** RFC 9110 and 5789; what clients make up is `other`. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
]);

export type DurationCounter = FlowCounter<Durations>;

abstract class MessageMetric extends FlowMetric {
  readonly durations: DurationCounter[] = [];
  readonly #budget: SeriesBudget;

  constructor(config: MetricConfig, budget: SeriesBudget) {
    super(config, budget);
    this.#budget = budget;
  }

  add(record: RecordCursor, names: Names): void {
    if (record.type !== RECORD_TYPE.L7) return;
    const message = record.l7;
    if (message !== null) this.addMessage(record, message, names);
  }

  override forget(isGone: (pod: string) => boolean): void {
    for (const { values } of this.durations) values.forget(isGone);
    super.forget(isGone);
  }

  protected abstract addMessage(record: RecordCursor, message: L7Message, names: Names): void;

  protected duration(name: string, help: string, labels: readonly string[]): DurationCounter {
    const values = new LabelMap(this.#budget, histogramSeries(GO_BUCKETS), () => new Durations(GO_BUCKETS));
    const counter = new FlowCounter({ name, help, labels }, this.contexts, values);
    this.durations.push(counter);
    return counter;
  }
}

/** `http`: requests and responses for themselves; `httpV2`: responses, with the ends as the request had them. */
export class HttpMetric extends MessageMetric {
  readonly #isV2: boolean;
  readonly #requests;
  readonly #responses: FlowCounter | null;
  readonly #durations: DurationCounter;

  constructor(config: MetricConfig, budget: SeriesBudget) {
    super(config, budget);
    this.#isV2 = config.name === 'httpV2';
    const status = ['method', 'protocol', 'status', 'reporter'];
    this.#requests = this.counter(
      'hubble_http_requests_total',
      'HTTP requests.',
      this.#isV2 ? status : ['method', 'protocol', 'reporter'],
    );
    this.#responses = this.#isV2 ? null : this.counter('hubble_http_responses_total', 'HTTP responses.', status);
    this.#durations = this.duration(
      'hubble_http_request_duration_seconds',
      'Time from an HTTP request to its response.',
      ['method', 'reporter'],
    );
  }

  protected addMessage(record: RecordCursor, message: L7Message, names: Names): void {
    const { http } = message;
    if (http === undefined) return;
    const method = METHODS.has(http.method) ? http.method : 'other';
    const reporter = reporterOf(record, names);
    const { protocol } = http;
    if (message.kind === 'REQUEST') {
      if (this.#isV2) return;
      const ends = this.contexts.number(record, names);
      this.#requests.at(ends, `${method} ${protocol} ${reporter}`, () => [method, protocol, reporter]).n += 1;
      return;
    }
    const ends = this.contexts.number(record, names, this.#isV2);
    const status = statusOf(http);
    const answered = this.#responses ?? this.#requests;
    const words = (): string[] => [method, protocol, status, reporter];
    answered.at(ends, `${method} ${protocol} ${status} ${reporter}`, words).n += 1;
    if (message.latency_ns === undefined) return;
    const seconds = message.latency_ns / 1e9;
    const durations = this.#durations.at(ends, `${method} ${reporter}`, () => [method, reporter]);
    durations.add(seconds, 1);
    durations.sum += seconds;
  }
}

function statusOf({ code = 0 }: HttpMessage): string {
  return String(code);
}

export class DnsMetric extends MessageMetric {
  readonly #hasQuery: boolean;
  readonly #ignoresAaaa: boolean;
  readonly #queries: FlowCounter;
  readonly #responses: FlowCounter;
  readonly #types: FlowCounter;

  constructor(config: MetricConfig, budget: SeriesBudget) {
    super(config, budget);
    this.#hasQuery = config.own.has('query');
    this.#ignoresAaaa = config.own.has('ignoreAAAA');
    const query = this.#hasQuery ? ['query'] : [];
    const labels = [...query, 'rcode', 'qtypes', 'ips_returned'];
    this.#queries = this.counter('hubble_dns_queries_total', 'DNS queries.', labels);
    this.#responses = this.counter('hubble_dns_responses_total', 'DNS responses.', labels);
    this.#types = this.counter('hubble_dns_response_types_total', 'DNS answers by type.', [...query, 'type', 'qtypes']);
  }

  protected addMessage(record: RecordCursor, { kind, dns }: L7Message, names: Names): void {
    if (dns === undefined) return;
    const types = dns.qtypes.join(',');
    if (this.#ignoresAaaa && types === 'AAAA') return;
    const ends = this.contexts.number(record, names);
    const query = this.#hasQuery ? [dns.query] : [];
    const count = (counter: FlowCounter, ...words: string[]): void => {
      const all = [...query, ...words];
      counter.at(ends, all.join('\u0000'), () => all).n += 1;
    };
    if (record.verdict === VERDICT.DROPPED) count(this.#queries, 'Policy denied', types, '0');
    else if (kind === 'REQUEST') count(this.#queries, '', types, '0');
    else this.#addAnswer(dns, types, count);
  }

  #addAnswer(
    { rcode = 0, ips = [], rrtypes = [] }: DnsMessage,
    types: string,
    count: (counter: FlowCounter, ...words: string[]) => void,
  ): void {
    count(this.#responses, rcodeWords(rcode), types, String(ips.length));
    for (const type of rrtypes) count(this.#types, type, types);
  }
}

export class KafkaMetric extends MessageMetric {
  readonly #requests = this.counter('hubble_kafka_requests_total', 'Kafka requests.', [
    'topic',
    'api_key',
    'error_code',
    'reporter',
  ]);
  readonly #durations = this.duration(
    'hubble_kafka_request_duration_seconds',
    'Time from a Kafka request to its response.',
    ['topic', 'api_key', 'reporter'],
  );

  protected addMessage(record: RecordCursor, message: L7Message, names: Names): void {
    const { kafka } = message;
    if (kafka === undefined || message.kind === 'REQUEST') return;
    const ends = this.contexts.number(record, names);
    const { topic, api_key: apiKey, error_code: error = 0 } = kafka;
    const reporter = reporterOf(record, names);
    const words = [topic, apiKey, String(error), reporter];
    this.#requests.at(ends, words.join('\u0000'), () => words).n += 1;
    if (message.latency_ns === undefined) return;
    const seconds = message.latency_ns / 1e9;
    const which = [topic, apiKey, reporter];
    const durations = this.#durations.at(ends, which.join('\u0000'), () => which);
    durations.add(seconds, 1);
    durations.sum += seconds;
  }
}

/**
 * Whose side the node is on: the server's, if that is a pod of the node. An answer between two pods of one node arrives at the
 * client, but is counted with its request, or rates and latencies would be found under different labels.
 */
function reporterOf(record: RecordCursor, names: Names): string {
  const server = record.endpoint(record.isReply === true ? 'source' : 'destination');
  return names.endpoints.get(server)?.kind === 'pod' ? 'server' : 'client';
}
