/** Flows as CSV (RFC 4180): one row each, the columns people sort and sum by. */
import type { HubbleEndpoint, HubbleFlow } from '../wire/hubble.ts';

const COLUMNS: Readonly<Record<string, (flow: HubbleFlow) => string | number | undefined>> = {
  time: (flow) => flow.time,
  node_name: (flow) => flow.node_name,
  event: (flow) => flow.extensions?.value.spyglass.event,
  verdict: (flow) => flow.verdict,
  drop_reason: (flow) => flow.drop_reason_desc,
  traffic_direction: (flow) => flow.traffic_direction,
  is_reply: (flow) => (flow.is_reply === undefined ? '' : String(flow.is_reply)),
  protocol: (flow) => Object.keys(flow.l4 ?? {})[0],
  source_ip: (flow) => flow.IP?.source,
  source_port: (flow) => (flow.l4?.TCP ?? flow.l4?.UDP)?.source_port,
  source_namespace: (flow) => flow.source.namespace,
  source_pod: (flow) => flow.source.pod_name,
  source_workload: (flow) => workload(flow.source),
  source_identity: (flow) => flow.source.identity,
  destination_ip: (flow) => flow.IP?.destination,
  destination_port: (flow) => (flow.l4?.TCP ?? flow.l4?.UDP)?.destination_port,
  destination_namespace: (flow) => flow.destination.namespace,
  destination_pod: (flow) => flow.destination.pod_name,
  destination_workload: (flow) => workload(flow.destination),
  destination_identity: (flow) => flow.destination.identity,
  service: (flow) => {
    const service = flow.destination_service ?? flow.source_service;
    return service === undefined ? '' : `${service.namespace}/${service.name}`;
  },
  packets: (flow) => flow.extensions?.value.spyglass.packets,
  bytes: (flow) => flow.extensions?.value.spyglass.bytes,
  reply_packets: (flow) => flow.extensions?.value.spyglass.reply_packets,
  reply_bytes: (flow) => flow.extensions?.value.spyglass.reply_bytes,
  rtt_ns: (flow) => flow.extensions?.value.spyglass.rtt_ns,
  l7_type: (flow) => flow.l7?.type,
  l7_protocol: (flow) => flow.extensions?.value.spyglass.l7?.protocol,
  l7_route: (flow) => flow.extensions?.value.spyglass.l7?.route,
  l7_error: (flow) => {
    const l7 = flow.extensions?.value.spyglass.l7;
    return l7 === undefined ? '' : String(l7.is_error ?? false);
  },
  latency_ns: (flow) => flow.extensions?.value.spyglass.l7?.latency_ns,
  http_method: (flow) => flow.l7?.http?.method,
  http_url: (flow) => flow.l7?.http?.url,
  http_status: (flow) => flow.l7?.http?.code,
  dns_query: (flow) => flow.l7?.dns?.query,
  summary: (flow) => flow.Summary,
  uuid: (flow) => flow.uuid,
};

export const CSV_HEADER = `${Object.keys(COLUMNS).join(',')}\r\n`;

export function csvRow(flow: HubbleFlow): string {
  return `${Object.values(COLUMNS)
    .map((value) => quote(String(value(flow) ?? '')))
    .join(',')}\r\n`;
}

function workload(end: HubbleEndpoint): string {
  const [first] = end.workloads ?? [];
  return first === undefined ? '' : `${first.kind}/${first.name}`;
}

function quote(text: string): string {
  // A leading = + - @ would be run as a formula by spreadsheets; no value of ours begins so by itself.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
