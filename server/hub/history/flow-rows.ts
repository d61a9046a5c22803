/**
 * Rows of the table `flows`. A row is the record beside what narrows a search: columns copied out of the record by its
 * layout, and names that were encoded when they were first needed. Nothing else is made for a record.
 */
import type { EndpointEntry } from '../../wire/agent.ts';
import type { L7ProtocolName } from '../../wire/l7.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import type { RecordLayout } from '../../wire/layout.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { RecordCursor } from '../../flows/record.ts';
import { encodedString, lengthBytes, putLength, putSum64, putU64, type RowWriter } from './row-binary.ts';

/** Columns whose bytes are a field of the record. */
const COPIED = [
  'type',
  'verdict',
  'drop_reason',
  'observation_point',
  'direction',
  'flags',
  'protocol',
  'tcp_flags',
  'drop_stage',
  'source',
  'destination',
  'source_port',
  'destination_port',
  'source_identity',
  'destination_identity',
  'ingress_rule',
  'suppressed',
  'egress_rule',
] as const;

/** In the order in which rows have them. */
export const FLOW_COLUMNS = [
  'arrived',
  'session',
  'node',
  'batch',
  'clock_offset_ns',
  'time',
  'sequence',
  ...COPIED,
  'source_namespace',
  'source_workload',
  'source_pod',
  'destination_namespace',
  'destination_workload',
  'destination_pod',
  'service',
  'l7_protocol',
  'record',
] as const;

/** Bytes of time and sequence. */
const PLACE_BYTES = 16;
const NO_NAME = encodedString('');
const NO_ENDPOINT = Buffer.concat([NO_NAME, NO_NAME, NO_NAME]);

/** What one batch's rows have in common. */
export interface BatchColumns {
  /** Unix seconds. */
  arrived: number;
  number: number;
  clockOffsetNs: bigint;
}

export class FlowRows {
  readonly #names: Names;
  readonly #size: number;
  readonly #timeAt: number;
  /** Runs of bytes to copy: from, length. */
  readonly #runs: readonly (readonly [from: number, length: number])[];
  readonly #copied: number;
  readonly #sessionAndNode: Buffer;
  readonly #clockOffset = Buffer.alloc(8);
  #prefix: Buffer = NO_NAME;
  #revision = -1;
  readonly #endpoints = new Map<number, Buffer>();
  readonly #services = new Map<number, Buffer>();
  readonly #protocols = new Map<L7ProtocolName, Buffer>();

  /** `layout` must have no `layoutProblem`. */
  constructor(names: Names, layout: RecordLayout) {
    this.#names = names;
    this.#size = layout.size;
    this.#timeAt = layout.fields['time_ns']?.offset ?? 0;
    this.#runs = runsOf(layout);
    this.#copied = this.#runs.reduce((sum, [, length]) => sum + length, 0);
    const session = Buffer.alloc(8);
    session.writeBigUInt64LE(names.session);
    this.#sessionAndNode = Buffer.concat([session, encodedString(names.node)]);
  }

  /** The rows that follow are of this batch. */
  begin({ arrived, number, clockOffsetNs }: BatchColumns): void {
    const [arrival, batch] = [Buffer.alloc(4), Buffer.alloc(8)];
    arrival.writeUInt32LE(arrived);
    putU64(batch, 0, number);
    this.#clockOffset.writeBigInt64LE(clockOffsetNs);
    this.#prefix = Buffer.concat([arrival, this.#sessionAndNode, batch, this.#clockOffset]);
    if (this.#revision === this.#names.revision) return;
    this.#revision = this.#names.revision;
    this.#endpoints.clear();
    this.#services.clear();
  }

  /** Writes the record that lies at `offset` of `bytes`, and under the cursor. */
  add(to: RowWriter, bytes: Buffer, offset: number, record: RecordCursor, sequence: number): void {
    const size = this.#size + record.captured;
    const source = this.#endpoint(record.endpoint('source'));
    const destination = this.#endpoint(record.endpoint('destination'));
    const service = this.#service(record.serviceId);
    const protocol = record.type === RECORD_TYPE.L7 ? this.#protocol(record.l7Protocol) : NO_NAME;
    const names = source.length + destination.length + service.length + protocol.length;
    const prefix = this.#prefix;
    let at = to.reserve(prefix.length + PLACE_BYTES + this.#copied + names + lengthBytes(size) + size);
    const row = to.room;
    row.set(prefix, at);
    at += prefix.length;
    putSum64(row, at, bytes, offset + this.#timeAt, this.#clockOffset, 0);
    putU64(row, at + 8, sequence);
    at += PLACE_BYTES;
    for (const [from, length] of this.#runs) {
      for (let i = offset + from; i < offset + from + length; i++) row[at++] = bytes[i] ?? 0;
    }
    for (const name of [source, destination, service, protocol]) {
      row.set(name, at);
      at += name.length;
    }
    at = putLength(row, at, size);
    bytes.copy(row, at, offset, offset + size);
    to.wrote(at + size);
  }

  #endpoint(ref: number): Buffer {
    if (ref === 0) return NO_ENDPOINT;
    return known(this.#endpoints, ref, () => encodedEndpoint(this.#names.endpoints.get(ref)));
  }

  #service(id: number): Buffer {
    if (id === 0) return NO_NAME;
    return known(this.#services, id, () => {
      const entry = this.#names.services.get(id);
      return entry === undefined ? NO_NAME : encodedString(`${entry.namespace}/${entry.name}`);
    });
  }

  #protocol(name: L7ProtocolName | null): Buffer {
    return name === null ? NO_NAME : known(this.#protocols, name, () => encodedString(name));
  }
}

function known<K>(of: Map<K, Buffer>, key: K, make: () => Buffer): Buffer {
  let bytes = of.get(key);
  if (bytes === undefined) {
    bytes = make();
    of.set(key, bytes);
  }
  return bytes;
}

/** Namespace, workload, pod. */
function encodedEndpoint(entry: EndpointEntry | undefined): Buffer {
  if (entry === undefined) return NO_ENDPOINT;
  const { workload } = entry;
  const kindAndName = workload === null ? '' : `${workload.kind}/${workload.name}`;
  return Buffer.concat([entry.namespace, kindAndName, entry.name].map(encodedString));
}

/** The fields of COPIED, those that lie one behind the other as one run. */
function runsOf(layout: RecordLayout): [from: number, length: number][] {
  const runs: [from: number, length: number][] = [];
  for (const name of COPIED) {
    const { offset, size } = layout.fields[name] ?? { offset: 0, size: 0 };
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === offset) last[1] += size;
    else runs.push([offset, size]);
  }
  return runs;
}
