/** A flow as a line of text, as `hubble observe` prints it (compact). */
import type { GetFlowsResponse, HubbleEndpoint, HubbleFlow } from '../wire/hubble.ts';
import { IDENTITY_WORDS } from '../wire/lists.gen.ts';
import { EVENT_DROP, EVENT_L7, pointWord } from './event-type.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** One line without newline. Control characters in names are shown escaped, never sent to the terminal. */
export function flowLine(response: GetFlowsResponse): string {
  const line = response.flow === undefined ? lostLine(response) : compact(response.flow);
  return line.replaceAll(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function compact(flow: HubbleFlow): string {
  const source = `${endText(flow, 'source')} ${identityText(flow.source)}`;
  const destination = `${endText(flow, 'destination')} ${identityText(flow.destination)}`;
  const [left, arrow, right] =
    flow.is_reply === true
      ? [destination, '<-', source]
      : [source, flow.is_reply === undefined ? '<>' : '->', destination];
  return `${stamp(flow.time)}: ${left} ${arrow} ${right} ${typeText(flow)} ${flow.verdict} (${flow.Summary})`;
}

function lostLine(response: GetFlowsResponse): string {
  const lost = response.lost_events;
  return `${stamp(response.time)} EVENTS LOST: ${lost?.source ?? ''} ${lost?.num_events_lost ?? '0'}`;
}

/** `Mar  4 10:15:30.123`, UTC. */
function stamp(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return 'N/A';
  return `${MONTHS[date.getUTCMonth()] ?? ''} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 23)}`;
}

function endText(flow: HubbleFlow, end: 'source' | 'destination'): string {
  const endpoint = flow[end];
  const service = end === 'source' ? flow.source_service : flow.destination_service;
  const names = end === 'source' ? flow.source_names : flow.destination_names;
  const ip = flow.IP?.[end] ?? '';
  const l4 = flow.l4?.TCP ?? flow.l4?.UDP;
  const port = (end === 'source' ? l4?.source_port : l4?.destination_port) ?? 0;
  let host = ip.includes(':') && port !== 0 ? `[${ip}]` : ip;
  if (endpoint.pod_name !== undefined) host = `${endpoint.namespace ?? ''}/${endpoint.pod_name}`;
  else if (service !== undefined) host = `${service.namespace}/${service.name}`;
  else if (names !== undefined) host = names.join(',');
  return port === 0 ? host : `${host}:${port}`;
}

function identityText(endpoint: HubbleEndpoint): string {
  const identity = endpoint.identity ?? 0;
  return `(${IDENTITY_WORDS[identity] ?? `ID:${identity}`})`;
}

function typeText(flow: HubbleFlow): string {
  if (flow.event_type.type === EVENT_DROP) {
    return flow.extensions?.value.spyglass.drop?.words ?? String(flow.drop_reason_desc ?? 'dropped');
  }
  if (flow.event_type.type === EVENT_L7) return messageType(flow);
  return flow.trace_observation_point === undefined ? 'UNKNOWN' : pointWord(String(flow.trace_observation_point));
}

/** `http-response`, `dns-request datapath`; of protocols that Hubble does not know `redis-request`. */
function messageType({ l7, extensions }: HubbleFlow): string {
  const spyglass = extensions?.value.spyglass.l7;
  const kind = l7?.type.toLowerCase() ?? 'unknown';
  if (l7?.dns !== undefined) return `dns-${kind} ${l7.dns.observation_source}`;
  if (l7?.http !== undefined) return `http-${kind}`;
  return `${spyglass?.protocol ?? 'l7'}-${kind}`;
}
