/**
 * The other half of an exchange: the answer to a request, the request of an answer. An answer's latency is the time since
 * its request, to the nanosecond, so the two are known by connection and time, however many are under way at once.
 */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import { isHidden } from '../words/ends.ts';
import { nanoseconds, timeOf } from '../words/times.ts';

/** Longest wait for an answer that is looked for. */
const PATIENCE_NS = 60_000_000_000n;
/** Messages of one connection that are looked through for an answer. */
const MOST = 1000;

/** Null if none of `flows` is it. */
export function pairOf(flow: HubbleFlow, flows: readonly HubbleFlow[]): HubbleFlow | null {
  const wanted = otherHalf(flow);
  if (wanted === null) return null;
  const subject = subjectOf(flow);
  const connection = connectionOf(flow);
  const began = beginOf(flow);
  if (began === null) return null;
  // Messages that came in one packet have one time: then what they are about tells them apart.
  const found = flows.filter(
    (it) => it.l7?.type === wanted && connectionOf(it) === connection && beginOf(it) === began,
  );
  return found.find((it) => subjectOf(it) === subject) ?? null;
}

/** Query of `/api/v1/flows` whose answer holds the other half, null if there can be none. */
export function pairQuery(flow: HubbleFlow): URLSearchParams | null {
  const wanted = otherHalf(flow);
  const began = beginOf(flow);
  const ports = flow.l4?.TCP ?? flow.l4?.UDP;
  if (wanted === null || began === null || flow.IP === undefined || ports === undefined) return null;
  const until = wanted === 'REQUEST' ? began : began + PATIENCE_NS;
  const filter: FlowFilter = {
    type: ['l7'],
    reply: [String(wanted === 'RESPONSE')],
    ...(!isHidden(flow, 'destination') && { 'from-ip': [flow.IP.destination] }),
    ...(!isHidden(flow, 'source') && { 'to-ip': [flow.IP.source] }),
    'from-port': [String(ports.destination_port)],
    'to-port': [String(ports.source_port)],
  };
  const query = new URLSearchParams({
    format: 'json',
    first: String(MOST),
    since: timeOf(began),
    until: timeOf(until),
  });
  for (const [name, values] of Object.entries(filter)) for (const value of values) query.append(name, value);
  return query;
}

function otherHalf({ l7 }: HubbleFlow): 'REQUEST' | 'RESPONSE' | null {
  if (l7 === undefined || l7.type === 'SAMPLE') return null;
  return l7.type === 'REQUEST' ? 'RESPONSE' : 'REQUEST';
}

/** When the exchange began, Unix ns; null of an answer whose request was not seen. */
function beginOf(flow: HubbleFlow): bigint | null {
  const time = nanoseconds(flow.time);
  if (flow.l7?.type === 'REQUEST') return time;
  const latency = flow.extensions?.value.spyglass.l7?.latency_ns;
  return latency === undefined ? null : time - BigInt(latency);
}

function connectionOf({ extensions }: HubbleFlow): string | undefined {
  return extensions?.value.spyglass.connection_id;
}

function subjectOf({ l7, extensions }: HubbleFlow): string {
  const asked = l7?.http?.url ?? l7?.dns?.query ?? l7?.kafka?.correlation_id ?? '';
  return `${extensions?.value.spyglass.l7?.route} ${asked}`;
}
