/**
 * Counts messages for Hubble's metrics. Like Hubble's own they count flow records: what agents did not send as events,
 * because there was too much of it, is only in the series (series-tally.ts). Each message is decoded once for that,
 * which takes 2.5 µs.
 */
import type { DnsMessage, HttpMessage, L7Message } from '../../wire/l7.ts';
import { VERDICT_NAME } from '../../wire/lists.gen.ts';
import { rcodeWords } from '../../flows/l7/rcode-words.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';
import { Durations, GO_BUCKETS, LabelCounts, LabelMap } from './label-counts.ts';

const MAX_LABELS = 2000;
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

export class MessageTally {
  readonly flows = new LabelCounts(MAX_LABELS);
  readonly httpRequests = new LabelCounts(MAX_LABELS);
  readonly httpResponses = new LabelCounts(MAX_LABELS);
  readonly httpDurations = new LabelMap(MAX_LABELS, () => new Durations(GO_BUCKETS));
  readonly dnsQueries = new LabelCounts(MAX_LABELS);
  readonly dnsResponses = new LabelCounts(MAX_LABELS);
  readonly dnsResponseTypes = new LabelCounts(MAX_LABELS);
  /** Records of type L7 whose bytes are no message. */
  unreadable = 0;

  add(record: RecordCursor, names: Names): void {
    const message = record.l7;
    const name = hubbleName(message);
    this.flows.add({
      protocol: name === '' ? 'Unknown L7' : name,
      type: 'L7',
      subtype: name,
      verdict: VERDICT_NAME[record.verdict] ?? String(record.verdict),
    });
    if (message === null) this.unreadable += 1;
    else if (message.http !== undefined) this.#addHttp(message, message.http, reporterOf(record, names));
    else if (message.dns !== undefined) this.#addDns(message, message.dns);
  }

  #addHttp(message: L7Message, http: HttpMessage, reporter: string): void {
    const method = METHODS.has(http.method) ? http.method : 'other';
    const { protocol, code = 0 } = http;
    if (message.kind === 'REQUEST') {
      this.httpRequests.add({ method, protocol, reporter });
      return;
    }
    this.httpResponses.add({ method, protocol, status: String(code), reporter });
    if (message.latency_ns === undefined) return;
    const seconds = message.latency_ns / 1e9;
    const durations = this.httpDurations.at({ method, reporter });
    durations.add(seconds, 1);
    durations.sum += seconds;
  }

  #addDns({ kind }: L7Message, { qtypes, rcode = 0, ips = [], rrtypes = [] }: DnsMessage): void {
    const types = qtypes.join(',');
    if (kind === 'REQUEST') {
      this.dnsQueries.add({ rcode: '', qtypes: types, ips_returned: '0' });
      return;
    }
    this.dnsResponses.add({ rcode: rcodeWords(rcode), qtypes: types, ips_returned: String(ips.length) });
    for (const type of rrtypes) this.dnsResponseTypes.add({ type, qtypes: types });
  }
}

/** Hubble's name of the protocol, '' if it has none. */
function hubbleName(message: L7Message | null): string {
  if (message?.http !== undefined) return 'HTTP';
  if (message?.dns !== undefined) return 'DNS';
  return message?.kafka === undefined ? '' : 'Kafka';
}

/**
 * Whose side the node is on: the server's, if that is a pod of the node. An answer between two pods of one node arrives at the
 * client, but is counted with its request, or rates and latencies would be found under different labels.
 */
function reporterOf(record: RecordCursor, names: Names): string {
  const server = record.endpoint(record.isReply === true ? 'source' : 'destination');
  return names.endpoints.get(server)?.kind === 'pod' ? 'server' : 'client';
}
