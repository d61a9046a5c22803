/**
 * The tables of history, version 1 of the schema. A stored flow is the record as its agent sent it, with its captured
 * bytes, beside columns to narrow a search by; sums are cumulative counters, so that a row written twice changes nothing.
 *
 * Every table is cut into the 4 hours of the hub's clock in which its rows arrived: an agent's wrong clock makes no
 * partitions, and a block of rows is stored whole or not at all. Retention drops the same partition of all of them.
 */
import { RECORD_TYPE, STAGE } from '../../wire/lists.gen.ts';
import { createSchema } from './schema.ts';

export interface TableDefinition {
  readonly name: string;
  /** Columns and skip indexes, as they stand in CREATE TABLE. */
  readonly columns: readonly string[];
  /** Without what replication puts before it: `ReplacingMergeTree(seen)`. */
  readonly engine: string;
  /** Null for what lives as long as any flow that needs it. */
  readonly partition: string | null;
  readonly primary?: string;
  readonly order: string;
  /** What keeps rows of one session on one shard, so that a block of them is stored whole there, too. */
  readonly shard: string;
  /** `name = value, ...` */
  readonly settings?: string;
}

/** Fills `to` from each block that is inserted into `from`. */
export interface ViewDefinition {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly select: string;
}

/** Length of a partition: what retention can drop is no finer. */
export const PARTITION_S = 4 * 3600;

const BY_MINUTE = `toStartOfInterval(minute, INTERVAL ${PARTITION_S} SECOND, 'UTC')`;
const ENDS = [
  'source_endpoint UInt32',
  'destination_endpoint UInt32',
  'source_identity UInt32',
  'destination_identity UInt32',
  'service_id UInt32',
  'port UInt16',
  'peer String',
] as const;

const flows: TableDefinition = {
  name: 'flows',
  columns: [
    // Start of the partition: when the batch arrived, by the hub's clock, rounded down to PARTITION_S.
    "arrived DateTime('UTC')",
    // Names the record for good, with `sequence`: sessionKey of flow-uuid.ts.
    'session UInt64',
    'node LowCardinality(String)',
    'batch UInt64',
    'clock_offset_ns Int64',
    // Of the record, with the clock offset added.
    "time DateTime64(9, 'UTC')",
    'sequence UInt64 CODEC(Delta(8), LZ4)',
    'type UInt8',
    'verdict UInt8',
    'drop_reason UInt8',
    'observation_point UInt8',
    'direction UInt8',
    'flags UInt8',
    'protocol UInt8',
    'tcp_flags UInt8',
    'drop_stage UInt8',
    'source IPv6',
    'destination IPv6',
    'source_port UInt16',
    'destination_port UInt16',
    'source_identity UInt32',
    'destination_identity UInt32',
    'ingress_rule UInt32',
    'suppressed UInt32',
    'egress_rule UInt32',
    // By the names of when the batch arrived; '' where there is none. Workloads are `Kind/name`.
    'source_namespace LowCardinality(String)',
    'source_workload LowCardinality(String)',
    'source_pod String',
    'destination_namespace LowCardinality(String)',
    'destination_workload LowCardinality(String)',
    'destination_pod String',
    // `namespace/name`
    'service LowCardinality(String)',
    'l7_protocol LowCardinality(String)',
    // The record and its captured bytes, without what pads these.
    'record String CODEC(ZSTD(1))',
    // A hub asks at each hello what it holds of a session.
    'INDEX session session TYPE bloom_filter GRANULARITY 4',
  ],
  engine: 'MergeTree',
  partition: 'arrived',
  order: 'time, session, sequence',
  shard: 'session',
  // A block that is inserted is one file, a merged part one or two a column: each file costs an fsync at the insert, which
  // with them takes twice as long.
  settings: `min_bytes_for_wide_part = ${64 * 1024 * 1024}`,
};

const sessions: TableDefinition = {
  name: 'sessions',
  columns: [
    'session UInt64',
    'id String',
    'node String',
    'boot_id String',
    'counters_id String',
    'version String',
    'mode String',
    // JSON of the RecordLayout.
    'layout String',
    "begun DateTime64(3, 'UTC')",
    "seen DateTime64(3, 'UTC')",
  ],
  engine: 'ReplacingMergeTree(seen)',
  partition: null,
  order: 'session',
  shard: 'session',
};

const names: TableDefinition = {
  name: 'names',
  columns: [
    'session UInt64',
    // endpoint, service, identity, rule, policy: by their number or `namespace/name`. dns: by address.
    'kind LowCardinality(String)',
    'key String',
    // When the hub heard of it, or wrote all names again: a record may be a little older than its names.
    "since DateTime64(3, 'UTC')",
    // JSON of the entry in wire/agent.ts, '' from when it is gone. dns: JSON of the address's names, the newest first.
    'entry String CODEC(ZSTD(1))',
  ],
  engine: 'ReplacingMergeTree',
  partition: null,
  order: 'session, kind, key, since',
  shard: 'session',
};

const edges: TableDefinition = {
  name: 'edges_1m',
  columns: [
    "minute DateTime('UTC')",
    'node LowCardinality(String)',
    'counters_id LowCardinality(String)',
    'slot UInt32',
    'session UInt64',
    ...ENDS,
    'protocol UInt8',
    'verdict UInt8',
    'drop_reason UInt8',
    // Before and after the minute: packets, bytes, reply_packets, reply_bytes, connections, answered, then RTT_BUCKETS
    // counts. One edge's counters only grow together, so the order of arrays is the order of their elements.
    'from SimpleAggregateFunction(min, Array(UInt64))',
    'to SimpleAggregateFunction(max, Array(UInt64))',
  ],
  engine: 'AggregatingMergeTree',
  partition: BY_MINUTE,
  primary: 'minute, node, counters_id, slot',
  order: `minute, node, counters_id, slot, session, ${columnNames(ENDS)}, protocol, verdict, drop_reason`,
  shard: 'session',
};

const l7: TableDefinition = {
  name: 'l7_1m',
  columns: [
    "minute DateTime('UTC')",
    'node LowCardinality(String)',
    'session UInt64',
    'series UInt32',
    ...ENDS,
    'protocol LowCardinality(String)',
    'route String',
    ...(['requests', 'responses', 'errors', 'latency_sum_ns'] as const).flatMap((it) => counter(it, 'UInt64', '')),
    // Only codes and buckets that grew in the minute.
    ...counter('codes', 'Map(String, UInt64)', 'Map'),
    ...counter('latency', 'Map(Int32, UInt64)', 'Map'),
  ],
  engine: 'AggregatingMergeTree',
  partition: BY_MINUTE,
  primary: 'minute, node, session, series',
  order: `minute, node, session, series, ${columnNames(ENDS)}, protocol, route`,
  shard: 'session',
};

const nodes: TableDefinition = {
  name: 'node_1m',
  columns: [
    "minute DateTime('UTC')",
    'node LowCardinality(String)',
    'hub LowCardinality(String)',
    'session UInt64',
    // In this minute so far: records that arrived, and that are missing, by cause as in LossLedger.
    ...grown('received', 'lost_ring', 'lost_buffer', 'lost_transit'),
    // The same of messages, as in L7Losses.
    ...grown('l7_ring', 'l7_gaps', 'l7_malformed', 'l7_unsent', 'l7_evicted'),
    // Seconds of the minute in which the agent was connected to this hub.
    'connected_s SimpleAggregateFunction(max, UInt8)',
    // 1 if edges_1m and l7_1m have all that was counted in the minute while the agent was connected.
    'exact SimpleAggregateFunction(min, UInt8)',
  ],
  engine: 'AggregatingMergeTree',
  partition: BY_MINUTE,
  order: 'minute, node, session, hub',
  shard: 'session',
};

const policies: TableDefinition = {
  name: 'policy_1m',
  columns: [
    // Of the records' time.
    "minute DateTime('UTC')",
    "arrived DateTime('UTC')",
    'session UInt64',
    // As records name it; its entry in `names` says which rule, or which default, of which direction.
    'rule UInt32',
    'hits SimpleAggregateFunction(sum, UInt64)',
    "last SimpleAggregateFunction(max, DateTime64(9, 'UTC'))",
  ],
  engine: 'AggregatingMergeTree',
  partition: 'arrived',
  order: 'minute, session, rule, arrived',
  shard: 'session',
};

const flowSums: TableDefinition = {
  name: 'flows_1m',
  columns: [
    // Of the records' time.
    "minute DateTime('UTC')",
    "arrived DateTime('UTC')",
    'session UInt64',
    'node LowCardinality(String)',
    'type UInt8',
    'verdict UInt8',
    'flows SimpleAggregateFunction(sum, UInt64)',
    // Packets, with those whose records were suppressed.
    'dropped SimpleAggregateFunction(sum, UInt64)',
  ],
  engine: 'AggregatingMergeTree',
  partition: 'arrived',
  order: 'minute, node, session, type, verdict, arrived',
  shard: 'session',
};

/** What PolicyHitCounter counts: a connection for each rule that let it in or out, dropped packets for the default. */
const policyView: ViewDefinition = {
  name: 'policy_1m_of_flows',
  from: 'flows',
  to: 'policy_1m',
  select: `SELECT toStartOfMinute(time, 'UTC') AS minute, arrived, session, hit.1 AS rule, sum(hit.2) AS hits, max(time) AS last
    FROM flows
    ARRAY JOIN [
      (ingress_rule, ${hits(STAGE.INGRESS_POLICY)}),
      (egress_rule, ${hits(STAGE.EGRESS_POLICY)})
    ] AS hit
    WHERE type IN (${RECORD_TYPE.NEW}, ${RECORD_TYPE.DROP}) AND hit.1 != 0 AND hit.2 != 0
    GROUP BY minute, arrived, session, rule`,
};

const flowView: ViewDefinition = {
  name: 'flows_1m_of_flows',
  from: 'flows',
  to: 'flows_1m',
  select: `SELECT toStartOfMinute(time, 'UTC') AS minute, arrived, session, node, type, verdict,
      count() AS flows, sumIf(1 + toUInt64(suppressed), type = ${RECORD_TYPE.DROP}) AS dropped
    FROM flows
    GROUP BY minute, arrived, session, node, type, verdict`,
};

export const TABLES: readonly TableDefinition[] = [flows, sessions, names, edges, l7, nodes, policies, flowSums];
export const VIEWS: readonly ViewDefinition[] = [policyView, flowView];

/** The whole schema for one server, in the order to run it. */
export const SCHEMA: readonly string[] = createSchema({ database: '', cluster: null }, TABLES, VIEWS);

function grown(...names: string[]): string[] {
  return names.map((name) => `${name} SimpleAggregateFunction(max, UInt64)`);
}

function counter(name: string, type: string, suffix: string): string[] {
  return [
    `from_${name} SimpleAggregateFunction(min${suffix}, ${type})`,
    `to_${name} SimpleAggregateFunction(max${suffix}, ${type})`,
  ];
}

function columnNames(columns: readonly string[]): string {
  return columns.map((column) => column.split(' ', 1)[0]).join(', ');
}

function hits(stage: number): string {
  return `multiIf(type = ${RECORD_TYPE.NEW}, 1, drop_stage = ${stage}, 1 + toUInt64(suppressed), 0)`;
}
