/**
 * Flows as log records of OTLP in its JSON encoding (opentelemetry-proto, logs/v1): the flow's JSON as the body, what
 * OpenTelemetry has names for (semantic conventions 1.x) as attributes beside it.
 */
import type { GetFlowsResponse, HubbleEndpoint, HubbleFlow } from '../../wire/hubble.ts';
import { nowNs, parseTime } from '../../flows/timestamp.ts';

type AnyValue = { stringValue: string } | { intValue: string };

export interface KeyValue {
  key: string;
  value: AnyValue;
}

/** opentelemetry.proto.logs.v1.LogRecord; 64-bit numbers are strings. */
export interface LogRecord {
  timeUnixNano: string;
  observedTimeUnixNano: string;
  severityNumber: number;
  severityText: string;
  eventName: string;
  body: AnyValue;
  attributes: KeyValue[];
}

/** opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest. */
export interface ExportLogsRequest {
  resourceLogs: {
    resource: { attributes: KeyValue[] };
    scopeLogs: { scope: { name: string; version: string }; logRecords: LogRecord[] }[];
  }[];
}

export interface ExportedFlow {
  /** All of it: attributes are made of this. */
  flow: HubbleFlow;
  /** What is written: the fields that were asked for. */
  line: GetFlowsResponse;
}

/** SeverityNumber: what was dropped, or would have been, is worth a look. */
const INFO = 9;
const WARN = 13;
const EVENT_NAME = 'network.flow';

/** One request, a resource a node. */
export function logsRequest(flows: readonly ExportedFlow[], version: string): ExportLogsRequest {
  const observed = nowNs();
  const nodes = new Map<string, LogRecord[]>();
  for (const { flow, line } of flows) {
    const records = nodes.get(flow.node_name) ?? [];
    nodes.set(flow.node_name, records);
    records.push(logRecord(flow, line, observed));
  }
  return {
    resourceLogs: Array.from(nodes, ([node, logRecords]) => ({
      resource: {
        attributes: attributes({ 'service.name': 'spyglass', 'service.version': version, 'k8s.node.name': node }),
      },
      scopeLogs: [{ scope: { name: 'spyglass', version }, logRecords }],
    })),
  };
}

function logRecord(flow: HubbleFlow, line: GetFlowsResponse, observed: bigint): LogRecord {
  const isTrouble = flow.verdict === 'DROPPED' || flow.verdict === 'AUDIT';
  return {
    timeUnixNano: String(parseTime(flow.time, observed) ?? observed),
    observedTimeUnixNano: String(observed),
    severityNumber: isTrouble ? WARN : INFO,
    severityText: isTrouble ? 'WARN' : 'INFO',
    eventName: EVENT_NAME,
    body: { stringValue: JSON.stringify(line.flow) },
    attributes: flowAttributes(flow, line.flow ?? {}),
  };
}

/** Only of fields that are exported. */
function flowAttributes(flow: HubbleFlow, kept: Partial<HubbleFlow>): KeyValue[] {
  const ports = kept.l4?.TCP ?? kept.l4?.UDP;
  const http = kept.l7?.http;
  const dns = kept.l7?.dns;
  return attributes({
    'log.record.uid': kept.uuid,
    'source.address': kept.IP?.source,
    'source.port': ports?.source_port,
    'destination.address': kept.IP?.destination,
    'destination.port': ports?.destination_port,
    ...endpoint('source', kept.source),
    ...endpoint('destination', kept.destination),
    'network.type': kept.IP?.ipVersion?.toLowerCase(),
    'network.transport': transport(kept),
    'network.interface.name': kept.interface?.name,
    'http.request.method': http?.method,
    'http.response.status_code': http?.code,
    'url.full': http?.url,
    'dns.question.name': dns?.query,
    'spyglass.verdict': kept.verdict === undefined ? undefined : String(flow.verdict),
    'spyglass.drop_reason': kept.drop_reason_desc === undefined ? undefined : String(kept.drop_reason_desc),
  });
}

function endpoint(end: 'source' | 'destination', kept: HubbleEndpoint | undefined): Record<string, string | undefined> {
  return {
    [`${end}.k8s.namespace.name`]: kept?.namespace,
    [`${end}.k8s.pod.name`]: kept?.pod_name,
  };
}

function transport({ l4 }: Partial<HubbleFlow>): string | undefined {
  if (l4?.TCP !== undefined) return 'tcp';
  return l4?.UDP === undefined ? undefined : 'udp';
}

function attributes(values: Record<string, string | number | undefined>): KeyValue[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined || value === '') return [];
    return [{ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } }];
  });
}
