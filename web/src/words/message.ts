/** What an application said, in one line: what was asked, and how it went. */
import type { HubbleFlow, HubbleL7, SpyglassL7 } from '../../../server/wire/hubble.ts';
import type { L7ProtocolName } from '../../../server/wire/l7.ts';
import { counted } from './numbers.ts';

export interface Message {
  /** `GET /orders/17`, `A api.example.com`, a statement. */
  asked: string;
  /** `503`, `NXDOMAIN`, `3 rows`; null of a request. */
  outcome: string | null;
  isError: boolean;
  /** From request to response, ns; null if unknown. */
  latency: number | null;
}

/** As the page writes them, beside port numbers. */
export const PROTOCOL_WORD: Readonly<Record<L7ProtocolName, string>> = {
  http: 'http',
  http2: 'http/2',
  grpc: 'grpc',
  dns: 'dns',
  tls: 'tls',
  redis: 'redis',
  postgresql: 'pgsql',
  mysql: 'mysql',
  kafka: 'kafka',
};

/** Mnemonics of RCODEs (RFC 1035, 2136). */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Status codes of gRPC, by number. */
const GRPC_STATUS = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** Null if the flow carries no message that could be read. */
export function messageOf(flow: HubbleFlow): Message | null {
  const { l7 } = flow;
  const own = flow.extensions?.value.spyglass.l7;
  if (l7 === undefined || own === undefined) return null;
  const { asked, outcome } = wordsOf(l7, own);
  return {
    asked,
    outcome: l7.type === 'REQUEST' ? null : outcome,
    isError: own.is_error === true,
    latency: own.latency_ns ?? null,
  };
}

function wordsOf(l7: HubbleL7, own: SpyglassL7): { asked: string; outcome: string } {
  const { grpc, tls, redis, sql } = own;
  if (grpc !== undefined) {
    const service = grpc.service.split('.').at(-1) ?? grpc.service;
    return { asked: `${service}/${grpc.method}`, outcome: GRPC_STATUS[grpc.status ?? 0] ?? String(grpc.status) };
  }
  if (l7.http !== undefined) {
    return { asked: `${l7.http.method} ${pathOf(l7.http.url)}`, outcome: String(l7.http.code ?? 'no status') };
  }
  if (l7.dns !== undefined) return dnsWords(l7.dns);
  if (l7.kafka !== undefined) {
    const { api_key: key, topic = '', error_code: code = 0 } = l7.kafka;
    return { asked: `${key} ${topic}`.trim(), outcome: code === 0 ? 'OK' : `error ${code}` };
  }
  if (sql !== undefined) {
    const rows = sql.rows === undefined ? 'OK' : counted(sql.rows, 'row');
    return { asked: sql.statement || sql.kind, outcome: sql.error || rows };
  }
  if (redis !== undefined) {
    return { asked: [redis.command, ...(redis.arguments ?? [])].join(' '), outcome: redis.error || 'OK' };
  }
  if (tls !== undefined) {
    return { asked: tls.sni === '' ? 'hello without a name' : `hello ${tls.sni}`, outcome: tls.version };
  }
  return { asked: own.route, outcome: own.is_error === true ? 'error' : 'OK' };
}

function dnsWords(dns: NonNullable<HubbleL7['dns']>): { asked: string; outcome: string } {
  const asked = `${dns.qtypes?.join(',') ?? ''} ${dns.query.replace(/\.$/, '')}`.trim();
  const { rcode = 0, ips = [], cnames = [] } = dns;
  if (rcode !== 0) return { asked, outcome: RCODES[rcode] ?? `rcode ${rcode}` };
  const [first] = [...ips, ...cnames];
  if (first === undefined) return { asked, outcome: 'no records' };
  return { asked, outcome: ips.length > 1 ? `${first} and ${ips.length - 1} more` : first };
}

/** Path and query of a URL. */
export function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '') || '/';
}
