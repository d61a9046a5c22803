/**
 * Record + names -> Hubble's flow object, with keys in declaration order and defaults left out. Made only
 * for rows that leave the hub.
 */
import type { ServiceEntry } from '../wire/agent.ts';
import type { HubbleEndpoint, HubbleFlow, HubbleL4, SpyglassExtension } from '../wire/hubble.ts';
import {
  DIRECTION,
  DIRECTION_NAME,
  DROP_REASON_NAME,
  DROP_REASON_WORDS,
  OBSERVATION_POINT_NAME,
  RECORD_TYPE,
  RECORD_TYPE_NAME,
  SOURCE_FILE_WORDS,
  STAGE_NAME,
  VERDICT_NAME,
} from '../wire/lists.gen.ts';
import type { Names } from './dictionary.ts';
import { eventSubType, eventType } from './event-type.ts';
import { type End, PROTOCOL } from './facts.ts';
import { labelsOf } from './filter-label.ts';
import { hubbleL7, messageSummary, spyglassL7, traceId } from './l7/hubble-l7.ts';
import { policyExtension, policyFields } from './policy-verdict.ts';
import type { RecordCursor } from './record.ts';
import { summaryOf, tcpFlags } from './summary.ts';
import { formatTime } from './timestamp.ts';

export const CLUSTER = 'default';

export interface Emitter {
  name: string;
  version: string;
}

export interface FlowContext {
  names: Names;
  /** Unix ns = record time + this. */
  clockOffsetNs: bigint;
  uuid: string;
  emitter: Emitter;
}

/** The flow under `record`. Of an enum value that no list knows the number is given, as proto3 JSON does. */
export function toHubbleFlow(record: RecordCursor, context: FlowContext): HubbleFlow {
  const { names } = context;
  const isDrop = record.type === RECORD_TYPE.DROP;
  const { isReply } = record;
  const service = serviceReference(names.services.get(record.serviceId));
  const subType = eventSubType(record);
  const reason = record.dropReason;
  const point = record.observationPoint;
  const { policy_match_type, ...allowedBy } = policyFields(record, names);
  const hasDirection = record.direction !== DIRECTION.UNKNOWN;
  const isL7 = record.type === RECORD_TYPE.L7;
  const message = record.l7;
  const trace = message === null ? null : traceId(message);
  const isTrace = !isDrop && !isL7;
  return {
    time: formatTime(record.timeNs + context.clockOffsetNs),
    uuid: context.uuid,
    emitter: context.emitter,
    verdict: VERDICT_NAME[record.verdict] ?? record.verdict,
    ...(reason !== 0 && { drop_reason: reason }),
    IP: {
      source: record.address('source'),
      destination: record.address('destination'),
      ipVersion: record.family === 6 ? 'IPv6' : 'IPv4',
    },
    ...l4Of(record, isL7),
    source: endpointOf(record, 'source', names),
    destination: endpointOf(record, 'destination', names),
    Type: isL7 ? 'L7' : 'L3_L4',
    node_name: names.node,
    ...namesOf(record, 'source', names),
    ...namesOf(record, 'destination', names),
    ...(message !== null && { l7: hubbleL7(message) }),
    ...(isReply === true && { reply: true }),
    event_type: { type: eventType(record), ...(subType !== 0 && { sub_type: subType }) },
    ...(service !== null && { [isReply === true ? 'source_service' : 'destination_service']: service }),
    ...(hasDirection && { traffic_direction: DIRECTION_NAME[record.direction] ?? record.direction }),
    ...(policy_match_type !== undefined && { policy_match_type }),
    ...(isTrace && point !== 0 && { trace_observation_point: OBSERVATION_POINT_NAME[point] ?? point }),
    ...(isTrace && isReply !== undefined && { trace_reason: traceReason(record.type, isReply) }),
    ...(isDrop && { file: { name: SOURCE_FILE_WORDS[record.dropFile] ?? 'unknown', line: record.dropLine } }),
    ...(reason !== 0 && { drop_reason_desc: DROP_REASON_NAME[reason] ?? reason }),
    ...(isReply !== undefined && { is_reply: isReply }),
    ...(record.interface !== 0 && { interface: { index: record.interface } }),
    ...(trace !== null && { trace_context: { parent: { trace_id: trace } } }),
    Summary: message === null ? packetSummary(record) : messageSummary(message),
    extensions: {
      '@type': 'type.googleapis.com/google.protobuf.Struct',
      value: {
        spyglass: { ...extensionOf(record, isDrop, names), ...(message !== null && { l7: spyglassL7(message) }) },
      },
    },
    ...allowedBy,
  };
}

function packetSummary(record: RecordCursor): string {
  return summaryOf(record.protocol, record.tcpFlags, record.port('source'), record.port('destination'), record.family);
}

/** Names that DNS gave to the end, if it is none of ours. */
function namesOf(record: RecordCursor, end: End, names: Names): Pick<HubbleFlow, 'source_names' | 'destination_names'> {
  if (names.dns.isEmpty || record.endpoint(end) !== 0) return {};
  const found = names.dns.of(record.address(end));
  if (found.length === 0) return {};
  return end === 'source' ? { source_names: [...found] } : { destination_names: [...found] };
}

function traceReason(type: number, isReply: boolean): string {
  if (isReply) return 'REPLY';
  return type === RECORD_TYPE.NEW ? 'NEW' : 'ESTABLISHED';
}

/** A message has ends, but no packet and so no flags. */
function l4Of(record: RecordCursor, isL7: boolean): { l4?: HubbleL4 } {
  const source = record.port('source');
  const destination = record.port('destination');
  const ports = {
    ...(source !== 0 && { source_port: source }),
    ...(destination !== 0 && { destination_port: destination }),
  };
  // ICMP has type and code in place of the ports.
  const icmp = { ...(source !== 0 && { type: source }), ...(destination !== 0 && { code: destination }) };
  switch (record.protocol) {
    case PROTOCOL.TCP:
      return { l4: { TCP: { ...ports, ...(!isL7 && { flags: tcpFlags(record.tcpFlags) }) } } };
    case PROTOCOL.UDP:
      return { l4: { UDP: ports } };
    case PROTOCOL.ICMPv4:
      return { l4: { ICMPv4: icmp } };
    case PROTOCOL.ICMPv6:
      return { l4: { ICMPv6: icmp } };
    default:
      return {};
  }
}

function endpointOf(record: RecordCursor, end: End, names: Names): HubbleEndpoint {
  const entry = names.endpoints.get(record.endpoint(end));
  const identity = record.identity(end);
  const labels = labelsOf(record.endpoint(end), identity, names);
  const isPod = entry !== undefined && entry.namespace !== '';
  return {
    ...(entry !== undefined && entry.kind !== 'remote' && { ID: entry.ref }),
    ...(identity !== 0 && { identity }),
    ...(entry !== undefined && { cluster_name: CLUSTER }),
    ...(isPod && { namespace: entry.namespace }),
    ...(labels.length > 0 && { labels: [...labels] }),
    ...(isPod && { pod_name: entry.name }),
    ...(isPod && entry.workload !== null && { workloads: [{ name: entry.workload.name, kind: entry.workload.kind }] }),
  };
}

function serviceReference(entry: ServiceEntry | undefined): { name: string; namespace: string } | null {
  return entry === undefined ? null : { name: entry.name, namespace: entry.namespace };
}

function extensionOf(record: RecordCursor, isDrop: boolean, names: Names): SpyglassExtension {
  const { original, hiddenEnd } = record;
  const path: string[] = [];
  for (const [number, name] of STAGES) if ((record.path & (1 << number)) !== 0) path.push(name);
  return {
    event: RECORD_TYPE_NAME[record.type] ?? String(record.type),
    connection_id: String(record.connectionId),
    packets: record.packets,
    bytes: record.bytes,
    reply_packets: record.replyPackets,
    reply_bytes: record.replyBytes,
    rtt_ns: record.rttNs,
    path,
    service_id: record.serviceId,
    backend_id: record.backendId,
    original: original === null ? null : { ip: original, port: record.originalPort },
    drop: isDrop
      ? {
          stage: STAGE_NAME[record.dropStage] ?? String(record.dropStage),
          line: record.dropLine,
          words: DROP_REASON_WORDS[record.dropReason] ?? `Drop reason ${record.dropReason}`,
          suppressed: record.suppressed,
        }
      : null,
    policy: policyExtension(record, names),
    ...(hiddenEnd !== null && { hidden: hiddenEnd }),
  };
}

const STAGES: readonly (readonly [number: number, name: string])[] = Object.entries(STAGE_NAME)
  .map(([number, name]) => [Number(number), name] as const)
  .toSorted(([a], [b]) => a - b);
