/** The fields of flow.FlowFilter that the API's filter language lacks, or that the message has in another form. */
import type { EndpointEntry } from '../../wire/agent.ts';
import { AddressRange } from '../../wire/address.ts';
import { RECORD_TYPE, VERDICT } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import { eventSubType, eventType, EVENT_POLICY_VERDICT } from '../../flows/event-type.ts';
import { type End, type FlowFacts, PROTOCOL } from '../../flows/facts.ts';
import { FIELDS } from '../../flows/filter-fields.ts';
import { selector } from '../../flows/filter-label.ts';
import { flow, type Test } from '../../flows/filter-test.ts';
import { flowPlace } from '../../flows/flow-uuid.ts';
import { CLUSTER } from '../../flows/hubble-flow.ts';
import type { RecordCursor } from '../../flows/record.ts';
import { tcpFlags } from '../../flows/summary.ts';
import { invalid } from './call-error.ts';

export type RecordTest = (record: RecordCursor, sequence: number) => boolean;

/** A test in the filter language's form, or one of the record itself and its place in its session. */
type Made = Test | { record: (names: Names) => RecordTest };
type Make = (field: string, values: readonly unknown[]) => Made;

const IP_VERSION = { 1: 4, 2: 6 } as const;
/** Protocols that Hubble knows and no flow of ours has. */
const NEVER_SEEN: ReadonlySet<string> = new Set(['vrrp', 'igmp']);

export const OWN_FIELDS: Readonly<Record<string, Make>> = {
  verdict: (_field, values) => among(values, (facts) => facts.verdict),
  traffic_direction: (_field, values) => among(values, (facts) => facts.direction),
  drop_reason_desc: (_field, values) => {
    const wanted = new Set(values);
    return flow((facts) => facts.verdict === VERDICT.DROPPED && wanted.has(facts.dropReason));
  },
  event_type: (_field, values) => {
    const tests = (values as EventTypeFilter[]).map(eventTest);
    return flow((facts) => tests.some((test) => test(facts)));
  },
  protocol: (field, values) => {
    const names = values.map((value) => String(value).toLowerCase()).filter((name) => !NEVER_SEEN.has(name));
    return names.length === 0 ? nothing() : required('protocol')(field, names);
  },
  http_header: (field, values) => {
    const headers = values as { key?: string; value?: string }[];
    return required('http-header')(
      field,
      headers.map(({ key = '', value = '' }) => `${key}:${value}`),
    );
  },
  source_workload: (_field, values) => workload('source', values),
  destination_workload: (_field, values) => workload('destination', values),
  source_cluster_name: (field, values) => cluster(field, 'source', values),
  destination_cluster_name: (field, values) => cluster(field, 'destination', values),
  uuid: (_field, values) => {
    const places = values.flatMap((value) => flowPlace(String(value)) ?? []);
    return {
      record: (names) => {
        const wanted = new Set(places.filter((it) => it.session === names.session).map((it) => it.sequence));
        return (_record, sequence) => wanted.has(sequence);
      },
    };
  },
  ip_version: (_field, values) => {
    const families = new Set<number>(values.map((value) => IP_VERSION[value as 1 | 2]));
    return { record: () => (record) => families.has(record.family === 6 ? 6 : 4) };
  },
  tcp_flags: (_field, values) => {
    const wanted = (values as Record<string, boolean>[]).map((flags) =>
      Object.keys(flags).filter((flag) => flags[flag] === true),
    );
    return {
      record: () => (record) => {
        if (record.protocol !== PROTOCOL.TCP || record.type === RECORD_TYPE.L7) return false;
        const set = tcpFlags(record.tcpFlags) as Readonly<Record<string, boolean>>;
        return wanted.some((flags) => flags.every((flag) => set[flag] === true));
      },
    };
  },
  interface: (_field, values) => {
    // Records have the number of a device, not its name.
    const wanted = (values as { index?: number; name?: string }[]).filter(({ name = '' }) => name === '');
    return {
      record: () => (record) =>
        record.interface !== 0 && wanted.some(({ index = 0 }) => index === 0 || index === record.interface),
    };
  },
  // What no flow of ours has: an address behind masquerade, labels of nodes, trace ids in IP options, encryption.
  source_ip_xlated: (field, values) => {
    for (const value of values) {
      if (AddressRange.parse(String(value)) !== null) continue;
      throw invalid(`The filter "${field}" has the value "${String(value).slice(0, 64)}", which is no IP or prefix.`);
    }
    return nothing();
  },
  node_labels: (field, values) => {
    const matches = selector(field, values.map(String))([]);
    return flow(() => matches);
  },
  ip_trace_id: (_field, values) => {
    const matches = values.includes('0');
    return flow(() => matches);
  },
  encrypted: (_field, values) => {
    const matches = values.includes(false);
    return flow(() => matches);
  },
};

interface EventTypeFilter {
  type?: number;
  match_sub_type?: boolean;
  sub_type?: number;
}

function eventTest({
  type = 0,
  match_sub_type: matchSub,
  sub_type: sub = 0,
}: EventTypeFilter): (f: FlowFacts) => boolean {
  // Hubble has an event of its own for it; here the record of the packet tells it, too.
  if (type === EVENT_POLICY_VERDICT) return (facts) => facts.isPolicyVerdict && (matchSub !== true || sub === 0);
  return (facts) => (type === 0 || eventType(facts) === type) && (matchSub !== true || eventSubType(facts) === sub);
}

function among(values: readonly unknown[], of: (facts: FlowFacts) => number): Test {
  const wanted = new Set(values);
  return flow((facts) => wanted.has(of(facts)));
}

function nothing(): Test {
  return flow(() => false);
}

/** The filter language's reader of a parameter. */
function required(parameter: string): (name: string, values: readonly string[]) => Test {
  const read = FIELDS[parameter];
  if (read === undefined) throw new Error(`there is no parameter ${parameter}`);
  return read;
}

function workload(of: End, values: readonly unknown[]): Test {
  const wanted = values as { name?: string; kind?: string }[];
  return endpoints(of, ({ workload: it }) =>
    wanted.some(
      ({ name = '', kind = '' }) =>
        it !== null && (name === '' || name === it.name) && (kind === '' || kind === it.kind),
    ),
  );
}

/** Exact; only endpoints have a cluster, and there is one. */
function cluster(field: string, of: End, values: readonly unknown[]): Test {
  if (values.includes('')) throw invalid(`The filter "${field}" has an empty value.`);
  const matches = values.includes(CLUSTER);
  return endpoints(of, () => matches);
}

function endpoints(of: End, selects: (entry: EndpointEntry) => boolean): Test {
  return {
    of,
    compile: (names: Names) => {
      const refs = new Set<number>();
      for (const entry of names.endpoints.values()) if (selects(entry)) refs.add(entry.ref);
      return (facts, end) => refs.has(facts.endpoint(end));
    },
  };
}
