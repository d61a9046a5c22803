/** Flows as CSV (RFC 4180): one row each, the columns people sort and sum by. */
import type { HubbleEndpoint, HubbleFlow } from '../wire/hubble.ts';

type Column = readonly [path: string, value: (flow: HubbleFlow) => string | number | undefined];

/** Each with the path that a field mask knows it by. */
const COLUMNS: Readonly<Record<string, Column>> = {
  time: ['time', (flow) => flow.time],
  node_name: ['node_name', (flow) => flow.node_name],
  event: ['extensions', (flow) => flow.extensions?.value.spyglass.event],
  verdict: ['verdict', (flow) => flow.verdict],
  drop_reason: ['drop_reason_desc', (flow) => flow.drop_reason_desc],
  traffic_direction: ['traffic_direction', (flow) => flow.traffic_direction],
  is_reply: ['is_reply', (flow) => (flow.is_reply === undefined ? '' : String(flow.is_reply))],
  protocol: ['l4', (flow) => Object.keys(flow.l4 ?? {})[0]],
  source_ip: ['IP.source', (flow) => flow.IP?.source],
  source_port: ['l4', (flow) => (flow.l4?.TCP ?? flow.l4?.UDP)?.source_port],
  source_namespace: ['source.namespace', (flow) => flow.source.namespace],
  source_pod: ['source.pod_name', (flow) => flow.source.pod_name],
  source_workload: ['source.workloads', (flow) => workload(flow.source)],
  source_identity: ['source.identity', (flow) => flow.source.identity],
  destination_ip: ['IP.destination', (flow) => flow.IP?.destination],
  destination_port: ['l4', (flow) => (flow.l4?.TCP ?? flow.l4?.UDP)?.destination_port],
  destination_namespace: ['destination.namespace', (flow) => flow.destination.namespace],
  destination_pod: ['destination.pod_name', (flow) => flow.destination.pod_name],
  destination_workload: ['destination.workloads', (flow) => workload(flow.destination)],
  destination_identity: ['destination.identity', (flow) => flow.destination.identity],
  service: [
    'destination_service',
    (flow) => {
      const service = flow.destination_service ?? flow.source_service;
      return service === undefined ? '' : `${service.namespace}/${service.name}`;
    },
  ],
  packets: ['extensions', (flow) => flow.extensions?.value.spyglass.packets],
  bytes: ['extensions', (flow) => flow.extensions?.value.spyglass.bytes],
  reply_packets: ['extensions', (flow) => flow.extensions?.value.spyglass.reply_packets],
  reply_bytes: ['extensions', (flow) => flow.extensions?.value.spyglass.reply_bytes],
  rtt_ns: ['extensions', (flow) => flow.extensions?.value.spyglass.rtt_ns],
  l7_type: ['l7.type', (flow) => flow.l7?.type],
  l7_protocol: ['extensions', (flow) => flow.extensions?.value.spyglass.l7?.protocol],
  l7_route: ['extensions', (flow) => flow.extensions?.value.spyglass.l7?.route],
  l7_error: [
    'extensions',
    (flow) => {
      const l7 = flow.extensions?.value.spyglass.l7;
      return l7 === undefined ? '' : String(l7.is_error ?? false);
    },
  ],
  latency_ns: ['extensions', (flow) => flow.extensions?.value.spyglass.l7?.latency_ns],
  http_method: ['l7.http.method', (flow) => flow.l7?.http?.method],
  http_url: ['l7.http.url', (flow) => flow.l7?.http?.url],
  http_status: ['l7.http.code', (flow) => flow.l7?.http?.code],
  dns_query: ['l7.dns.query', (flow) => flow.l7?.dns?.query],
  summary: ['Summary', (flow) => flow.Summary],
  uuid: ['uuid', (flow) => flow.uuid],
};

export interface CsvFormat {
  header: string;
  row: (flow: HubbleFlow) => string;
}

/** All columns, or those whose path `touches` picks. */
export function csvFormat(touches: (path: string) => boolean): CsvFormat {
  const columns = Object.entries(COLUMNS).filter(([, [path]]) => touches(path));
  return {
    header: `${columns.map(([name]) => name).join(',')}\r\n`,
    row: (flow) => `${columns.map(([, [, value]]) => quote(String(value(flow) ?? ''))).join(',')}\r\n`,
  };
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
