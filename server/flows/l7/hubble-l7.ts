/** A message as Hubble's flow has it: `l7`, `trace_context` and the summary people grep. */
import type { HubbleL7, SpyglassL7 } from '../../wire/hubble.ts';
import type { DnsMessage, HttpMessage, KafkaMessage, L7Message } from '../../wire/l7.ts';
import { rcodeWords } from './rcode-words.ts';

/** What Hubble shows as the TTL of an answer that has none. */
const NO_TTL = 0xffff_ffff;
/** The word for where a message was read; on the wire, here. Hubble's `proxy` makes its summary say so. */
const OBSERVED = 'datapath';

/** Hubble's own part: only the protocols it knows have a record. */
export function hubbleL7(message: L7Message): HubbleL7 {
  const { kind, latency_ns: latency, http, dns, kafka } = message;
  return {
    type: kind,
    ...(latency !== undefined && latency > 0 && { latency_ns: String(latency) }),
    ...(dns !== undefined && { dns: dnsOf(kind, dns) }),
    ...(http !== undefined && { http: httpOf(http) }),
    ...(kafka !== undefined && { kafka: kafkaOf(kafka) }),
  };
}

/** Hubble's name of the protocol, '' if it has none. */
export function hubbleProtocol(message: L7Message | null): string {
  if (message?.http !== undefined) return 'HTTP';
  if (message?.dns !== undefined) return 'DNS';
  return message?.kafka === undefined ? '' : 'Kafka';
}

/** What Hubble has no field for. */
export function spyglassL7(message: L7Message): SpyglassL7 {
  const { protocol, route, is_error: isError, grpc, tls, redis, sql } = message;
  return {
    protocol,
    route,
    ...(isError === true && { is_error: true }),
    ...(message.latency_ns !== undefined && { latency_ns: message.latency_ns }),
    ...(grpc !== undefined && { grpc }),
    ...(tls !== undefined && { tls }),
    ...(redis !== undefined && { redis }),
    ...(sql !== undefined && { sql }),
  };
}

/** Id of the trace the request belongs to (W3C Trace Context, 3.2), null if it names none. */
export function traceId(message: L7Message): string | null {
  const header = message.http?.headers.find(({ key }) => key.toLowerCase() === 'traceparent');
  const [, id] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(header?.value ?? '') ?? [];
  return id === undefined || /^0+$/.test(id) ? null : id;
}

function httpOf({ code, method, url, protocol, headers }: HttpMessage): NonNullable<HubbleL7['http']> {
  const sorted = headers.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    ...(code !== undefined && code !== 0 && { code }),
    method,
    url,
    protocol,
    ...(sorted.length > 0 && { headers: sorted }),
  };
}

function dnsOf(kind: L7Message['kind'], dns: DnsMessage): NonNullable<HubbleL7['dns']> {
  const { query, qtypes, ips, ttl, cnames, rcode, rrtypes } = dns;
  const isAnswer = kind !== 'REQUEST';
  return {
    query,
    ...(isAnswer && ips !== undefined && ips.length > 0 && { ips }),
    ...(isAnswer && { ttl: ttl ?? NO_TTL }),
    ...(isAnswer && cnames !== undefined && cnames.length > 0 && { cnames }),
    observation_source: OBSERVED,
    ...(isAnswer && rcode !== undefined && rcode !== 0 && { rcode }),
    ...(qtypes.length > 0 && { qtypes }),
    ...(isAnswer && rrtypes !== undefined && rrtypes.length > 0 && { rrtypes }),
  };
}

function kafkaOf(kafka: KafkaMessage): NonNullable<HubbleL7['kafka']> {
  const { error_code, api_version, api_key, correlation_id, topic } = kafka;
  return {
    ...(error_code !== undefined && error_code !== 0 && { error_code }),
    ...(api_version !== 0 && { api_version }),
    api_key,
    ...(correlation_id !== 0 && { correlation_id }),
    ...(topic !== '' && { topic }),
  };
}

/** Hubble's words for HTTP, DNS and Kafka; for the rest ours, in the same order: what, how it went, how long it took. */
export function messageSummary(message: L7Message): string {
  const { kind, http, grpc, dns, tls, redis, sql, kafka } = message;
  const isRequest = kind === 'REQUEST';
  if (http !== undefined) {
    const { protocol, method, url, code = 0 } = http;
    const status = grpc?.status === undefined ? '' : ` grpc-status ${grpc.status}`;
    if (isRequest) return `${protocol} ${method} ${url}`;
    return `${protocol} ${code} ${wholeMs(message)} (${method} ${url})${status}`;
  }
  if (dns !== undefined) return dnsSummary(isRequest, dns);
  if (kafka !== undefined) {
    const start = `Kafka ${isRequest ? 'request' : 'response'} ${kafka.api_key} correlation id ${kafka.correlation_id} topic '${kafka.topic}'`;
    return isRequest ? start : `${start} return code ${kafka.error_code ?? 0}`;
  }
  if (tls !== undefined) {
    const alpn = tls.alpn.length === 0 ? '' : ` ALPN ${tls.alpn.join(',')}`;
    return `TLS ${isRequest ? 'ClientHello' : 'ServerHello'} ${tls.sni === '' ? 'without name' : tls.sni} ${tls.version}${alpn}`;
  }
  if (redis !== undefined) return ended(message, 'Redis', redis.command, redis.error);
  if (sql !== undefined) {
    return ended(message, message.protocol === 'mysql' ? 'MySQL' : 'PostgreSQL', sql.statement || sql.kind, sql.error);
  }
  return `${message.protocol} ${message.route}`;
}

function ended(message: L7Message, name: string, what: string, error: string | undefined): string {
  if (message.kind === 'REQUEST') return `${name} ${what}`;
  return `${name} ${error === undefined || error === '' ? 'OK' : error} ${fineMs(message)} (${what})`;
}

function dnsSummary(isRequest: boolean, dns: DnsMessage): string {
  const asked = `${dns.query} ${dns.qtypes.join(',')}`;
  if (isRequest) return `DNS Query ${asked}`;
  const { ips = [], cnames = [], rcode = 0, ttl = NO_TTL } = dns;
  const parts: string[] = [];
  if (rcode !== 0) parts.push(`RCode: ${rcodeWords(rcode)}`);
  else if (ips.length > 0 || cnames.length === 0) parts.push(`"${ips.join(',')}"`);
  if (cnames.length > 0) parts.push(`CNAMEs: "${cnames.join(',')}"`);
  return `DNS Answer ${parts.join(' ')} TTL: ${ttl} (Query ${asked})`;
}

/** Databases answer within fractions of one: two of its digits are told, up to 10 ms. */
function fineMs(message: L7Message): string {
  const ms = (message.latency_ns ?? 0) / 1e6;
  return ms < 10 ? `${Math.trunc(ms * 100) / 100}ms` : wholeMs(message);
}

/** As Hubble writes it. */
function wholeMs(message: L7Message): string {
  return `${Math.trunc((message.latency_ns ?? 0) / 1e6)}ms`;
}
