/**
 * Reads one raw record in place. A cursor is made once per layout and moved from record to record; it
 * decodes only the fields that are asked for, so a scan over a million records makes no objects.
 */
import { DROP_REASON, RECORD_TYPE } from '../wire/lists.gen.ts';
import type { FieldType, RecordLayout } from '../wire/layout.ts';
import { type AddressRange, formatAddress, isUnset } from '../wire/address.ts';
import type { L7Message, L7ProtocolName } from '../wire/l7.ts';
import type { End, FlowFacts } from './facts.ts';
import { readMessage } from './l7/message.ts';

/** Fields this reader needs, and their types; a layout that lacks one cannot be read. */
const FIELDS = {
  type: 'u8',
  version: 'u8',
  verdict: 'u8',
  drop_reason: 'u8',
  observation_point: 'u8',
  direction: 'u8',
  flags: 'u8',
  family: 'u8',
  protocol: 'u8',
  tcp_flags: 'u8',
  drop_stage: 'u8',
  drop_line: 'u16',
  drop_file: 'u16',
  captured: 'u16',
  time_ns: 'u64',
  connection_id: 'u64',
  source: 'bytes',
  destination: 'bytes',
  original: 'bytes',
  source_port: 'u16',
  destination_port: 'u16',
  original_port: 'u16',
  service_id: 'u32',
  backend_id: 'u32',
  source_identity: 'u32',
  destination_identity: 'u32',
  source_endpoint: 'u32',
  destination_endpoint: 'u32',
  interface: 'u32',
  path: 'u32',
  rtt_ns: 'u32',
  packets: 'u32',
  reply_packets: 'u32',
  bytes: 'u64',
  reply_bytes: 'u64',
  suppressed: 'u32',
  ingress_rule: 'u32',
  egress_rule: 'u32',
  ingress_match: 'u8',
  egress_match: 'u8',
} as const satisfies Record<string, FieldType>;

type FieldName = keyof typeof FIELDS;

const SIZES: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4, bytes: 16 };

const FLAG_REPLY = 0x01;
const FLAG_REPLY_KNOWN = 0x02;
const EMPTY = new DataView(new ArrayBuffer(0));

/** Largest record a layout may declare, bytes. */
export const MAX_RECORD_SIZE = 4096;

/** Why records of this layout cannot be read, one sentence, or null if they can. */
export function layoutProblem(layout: RecordLayout): string | null {
  if (layout.size > MAX_RECORD_SIZE || layout.size % 8 !== 0 || layout.size === 0) {
    return `The record layout declares ${layout.size} bytes a record; a multiple of 8 up to ${MAX_RECORD_SIZE} is allowed.`;
  }
  for (const [name, type] of Object.entries(FIELDS)) {
    const field = layout.fields[name];
    if (field === undefined) return `The record layout has no field "${name}", which this hub needs.`;
    if (field.type !== type || field.size !== SIZES[type]) {
      return `The record layout has ${field.type} (${field.size} bytes) for "${name}"; this hub reads ${type} (${SIZES[type]} bytes).`;
    }
    if (field.offset < 0 || field.offset + field.size > layout.size) {
      return `The record layout puts "${name}" outside the record.`;
    }
  }
  return null;
}

/** Bytes that follow a record for `captured` captured ones: padded to 8. */
export function paddedCapture(captured: number): number {
  return (captured + 7) & ~7;
}

export class RecordCursor implements FlowFacts {
  readonly layout: RecordLayout;
  readonly #at: Readonly<Record<FieldName, number>>;
  #view: DataView = EMPTY;
  #offset = 0;
  /** Undefined until it is asked for. */
  #l7: L7Message | null | undefined;

  /** `layout` must have no `layoutProblem`. */
  constructor(layout: RecordLayout) {
    this.layout = layout;
    const at: Partial<Record<FieldName, number>> = {};
    for (const name of Object.keys(FIELDS) as FieldName[]) at[name] = layout.fields[name]?.offset ?? 0;
    this.#at = at as Record<FieldName, number>;
  }

  /** Moves to the record at `offset`, which must lie wholly in `view`. */
  moveTo(view: DataView, offset: number): this {
    this.#view = view;
    this.#offset = offset;
    this.#l7 = undefined;
    return this;
  }

  get type(): number {
    return this.#u8(this.#at.type);
  }
  get version(): number {
    return this.#u8(this.#at.version);
  }
  get verdict(): number {
    return this.#u8(this.#at.verdict);
  }
  get dropReason(): number {
    return this.#u8(this.#at.drop_reason);
  }
  get observationPoint(): number {
    return this.#u8(this.#at.observation_point);
  }
  get direction(): number {
    return this.#u8(this.#at.direction);
  }
  get isReply(): boolean | undefined {
    const flags = this.#u8(this.#at.flags);
    return (flags & FLAG_REPLY_KNOWN) === 0 ? undefined : (flags & FLAG_REPLY) !== 0;
  }
  /** 4 or 6. */
  get family(): number {
    return this.#u8(this.#at.family);
  }
  get protocol(): number {
    return this.#u8(this.#at.protocol);
  }
  /** As in the TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  get tcpFlags(): number {
    return this.#u8(this.#at.tcp_flags);
  }
  get dropStage(): number {
    return this.#u8(this.#at.drop_stage);
  }
  /** SOURCE_FILE number of the file that dropped it. */
  get dropFile(): number {
    return this.#u16(this.#at.drop_file);
  }
  get dropLine(): number {
    return this.#u16(this.#at.drop_line);
  }
  get captured(): number {
    return this.#u16(this.#at.captured);
  }
  /** Nanoseconds of the node's monotonic clock; exact up to 104 days of uptime, then to a few ns. */
  get timeNumber(): number {
    return this.#u64Number(this.#at.time_ns);
  }
  get timeNs(): bigint {
    return this.#view.getBigUint64(this.#offset + this.#at.time_ns, true);
  }
  get connectionId(): bigint {
    return this.#view.getBigUint64(this.#offset + this.#at.connection_id, true);
  }
  /** The address the client used, null if none was translated. */
  get original(): string | null {
    const at = this.addressOffset('original');
    return isUnset(this.#view, at) ? null : formatAddress(this.#view, at);
  }
  get originalPort(): number {
    return this.#u16(this.#at.original_port);
  }
  get serviceId(): number {
    return this.#u32(this.#at.service_id);
  }
  get backendId(): number {
    return this.#u32(this.#at.backend_id);
  }
  get interface(): number {
    return this.#u32(this.#at.interface);
  }
  /** Bit n: the first packet passed stage n. */
  get path(): number {
    return this.#u32(this.#at.path);
  }
  get rttNs(): number {
    return this.#u32(this.#at.rtt_ns);
  }
  get packets(): number {
    return this.#u32(this.#at.packets);
  }
  get replyPackets(): number {
    return this.#u32(this.#at.reply_packets);
  }
  get bytes(): number {
    return this.#u64Number(this.#at.bytes);
  }
  get replyBytes(): number {
    return this.#u64Number(this.#at.reply_bytes);
  }
  get suppressed(): number {
    return this.#u32(this.#at.suppressed);
  }
  /** Refs of the rules that decided at the destination and at the source, 0 where no policy isolates it. */
  get ingressRule(): number {
    return this.#u32(this.#at.ingress_rule);
  }
  get egressRule(): number {
    return this.#u32(this.#at.egress_rule);
  }
  get isPolicyVerdict(): boolean {
    if (this.type === RECORD_TYPE.DROP) return this.dropReason === DROP_REASON.POLICY_DENIED;
    return this.type === RECORD_TYPE.NEW && (this.ingressRule !== 0 || this.egressRule !== 0);
  }
  /** POLICY_MATCH. */
  get ingressMatch(): number {
    return this.#u8(this.#at.ingress_match);
  }
  get egressMatch(): number {
    return this.#u8(this.#at.egress_match);
  }

  endpoint(end: End): number {
    return this.#u32(end === 'source' ? this.#at.source_endpoint : this.#at.destination_endpoint);
  }
  identity(end: End): number {
    return this.#u32(end === 'source' ? this.#at.source_identity : this.#at.destination_identity);
  }
  port(end: End): number {
    return this.#u16(end === 'source' ? this.#at.source_port : this.#at.destination_port);
  }
  isIn(end: End, range: AddressRange): boolean {
    return range.has(this.#view, this.addressOffset(end));
  }

  address(end: End): string {
    return formatAddress(this.#view, this.addressOffset(end));
  }
  get l7(): L7Message | null {
    if (this.#l7 === undefined) this.#l7 = this.type === RECORD_TYPE.L7 ? this.#readL7() : null;
    return this.#l7;
  }
  get l7Protocol(): L7ProtocolName | null {
    return this.l7?.protocol ?? null;
  }

  /** The end that is kept from whoever reads this, null if none is. */
  get hiddenEnd(): End | null {
    return null;
  }

  get view(): DataView {
    return this.#view;
  }
  /** Where the record begins in `view`. */
  get offset(): number {
    return this.#offset;
  }
  /** Where in `view` an address lies, for the functions of address.ts. */
  addressOffset(which: End | 'original'): number {
    return this.#offset + this.#at[which];
  }

  #readL7(): L7Message | null {
    const start = this.#view.byteOffset + this.#offset + this.layout.size;
    return readMessage(new Uint8Array(this.#view.buffer, start, this.captured));
  }

  #u8(at: number): number {
    return this.#view.getUint8(this.#offset + at);
  }
  #u16(at: number): number {
    return this.#view.getUint16(this.#offset + at, true);
  }
  #u32(at: number): number {
    return this.#view.getUint32(this.#offset + at, true);
  }
  #u64Number(at: number): number {
    return this.#u32(at) + this.#u32(at + 4) * 0x1_0000_0000;
  }
}
