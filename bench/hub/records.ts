/** What a benchmark agent sends: a dictionary of pods and Services, and batches of records that use it. */
import { AGENT_PROTOCOL_VERSION, BATCH_HEADER, type Dictionary, type Hello, KIND } from '../../server/wire/agent.ts';
import type { Field } from '../../server/wire/layout.ts';
import { RECORD_TYPE, VERDICT } from '../../server/wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { control } from '../lib/control-message.ts';

export const PODS = 250;
const SERVICES = 50;
const NAMESPACES = 5;
const FIRST_ENDPOINT = 16;
const FIRST_IDENTITY = 256;

export function hello(node: string, session: string): Buffer {
  const message: Hello = {
    protocol: AGENT_PROTOCOL_VERSION,
    node,
    session,
    boot_id: '00000000-0000-4000-8000-000000000000',
    counters_id: session,
    version: 'bench',
    layout: RECORD_LAYOUT,
    mode: 'live',
  };
  return control(KIND.hello, message);
}

/** Namespace of a pod or Service by its number. */
export const namespaceOf = (i: number): string => `team-${i % NAMESPACES}`;

/** PODS pods of 50 workloads in 5 namespaces, and a Service before each workload. */
export function dictionary(): Buffer {
  const workload = (i: number) => `app-${i % SERVICES}`;
  const labels = (i: number) => [`k8s:app=${workload(i)}`, `k8s:io.kubernetes.pod.namespace=${namespaceOf(i)}`];
  const message: Dictionary = {
    snapshot: true,
    endpoints: Array.from({ length: PODS }, (_, i) => ({
      ref: FIRST_ENDPOINT + i,
      kind: 'pod',
      namespace: namespaceOf(i),
      name: `${workload(i)}-${i}`,
      addresses: [`10.42.${i >> 8}.${i & 255}`],
      identity: FIRST_IDENTITY + (i % SERVICES),
      labels: labels(i),
      workload: { name: workload(i), kind: 'Deployment' },
      created: '2026-01-01T00:00:00Z',
    })),
    services: Array.from({ length: SERVICES }, (_, i) => ({
      id: i + 1,
      namespace: namespaceOf(i),
      name: workload(i),
      addresses: [`10.96.0.${i + 1}`],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', app_protocol: '' }],
      backends: Array.from({ length: PODS / SERVICES }, (_, n) => FIRST_ENDPOINT + i + n * SERVICES),
    })),
    identities: Array.from({ length: SERVICES }, (_, i) => ({ identity: FIRST_IDENTITY + i, labels: labels(i) })),
    removed_endpoints: [],
    removed_services: [],
    rules: [],
    policies: [],
    policy_problems: null,
    removed_identities: [],
    removed_rules: [],
    removed_policies: [],
  };
  return control(KIND.dictionary, message);
}

type FieldName = keyof typeof RECORD_LAYOUT.fields;

/** Writes one record of a connection from pod `from` to pod `to`, both numbers below PODS. */
function writeRecord(buffer: Buffer, at: number, from: number, to: number, number: number): void {
  const put = (name: FieldName, value: number) => {
    const field: Field = RECORD_LAYOUT.fields[name];
    buffer.writeUIntLE(value, at + field.offset, field.size);
  };
  const putAddress = (name: FieldName, ...last: [number, number, number, number]) => {
    buffer.set([0xff, 0xff, ...last], at + RECORD_LAYOUT.fields[name].offset + 10);
  };
  const dropped = number % 50 === 0;
  put('type', dropped ? RECORD_TYPE.DROP : ([RECORD_TYPE.NEW, RECORD_TYPE.FLAGS, RECORD_TYPE.CLOSE][number % 3] ?? 0));
  put('version', RECORD_LAYOUT.version);
  put('verdict', dropped ? VERDICT.DROPPED : VERDICT.FORWARDED);
  put('drop_reason', dropped ? 151 : 0);
  put('observation_point', 101);
  put('direction', 2);
  put('family', 4);
  put('protocol', 6);
  put('tcp_flags', 0x02);
  buffer.writeBigUInt64LE(BigInt(number), at + RECORD_LAYOUT.fields.connection_id.offset);
  putAddress('source', 10, 42, from >> 8, from & 255);
  putAddress('destination', 10, 42, to >> 8, to & 255);
  putAddress('original', 10, 96, 0, (to % SERVICES) + 1);
  put('source_port', 1024 + (number % 60_000));
  put('destination_port', 8080);
  put('original_port', 80);
  put('service_id', (to % SERVICES) + 1);
  put('backend_id', to + 1);
  put('source_identity', FIRST_IDENTITY + (from % SERVICES));
  put('destination_identity', FIRST_IDENTITY + (to % SERVICES));
  put('source_endpoint', FIRST_ENDPOINT + from);
  put('destination_endpoint', FIRST_ENDPOINT + to);
  put('path', 0x25f);
  put('packets', 5);
  put('reply_packets', 4);
}

/** A batch message of `count` records among all pairs of pods; `stamp` it before it is sent. */
export function batch(count: number, seed: number): Buffer {
  const message = Buffer.alloc(BATCH_HEADER.size + count * RECORD_LAYOUT.size);
  message[0] = KIND.batch;
  message.writeUInt32LE(count, BATCH_HEADER.count);
  for (let i = 0; i < count; i++) {
    const number = seed * count + i;
    writeRecord(
      message,
      BATCH_HEADER.size + i * RECORD_LAYOUT.size,
      (number * 7) % PODS,
      (number * 13 + 1) % PODS,
      number,
    );
  }
  return message;
}

/** Gives a batch its number and its records their places and the present as their time. All batches have one size. */
export function stamp(message: Buffer, number: number): void {
  const records = message.readUInt32LE(BATCH_HEADER.count);
  message.writeBigUInt64LE(BigInt(number), BATCH_HEADER.number);
  message.writeBigUInt64LE(BigInt((number - 1) * records), BATCH_HEADER.first_sequence);
  message.writeBigInt64LE(BigInt(Date.now()) * 1_000_000n, BATCH_HEADER.clock_offset_ns);
}
