/** Captures in memory like that of their ring, for the table of connections to take. */
import type { RecordSink } from '../../../base/record-sink.ts';
import { L7_MODE, L7_PROTOCOL, RECORD_TYPE } from '../../../wire/lists.gen.ts';
import {
  CAPTURE_FLAG_END,
  CAPTURE_FLAG_FIRST,
  CAPTURE_LAYOUT,
  RECORD_LAYOUT,
} from '../../../wire/record-layout.gen.ts';
import { type RecordFields, writeRecord } from '../../record-writer.ts';

export interface CaptureFields {
  connection: bigint;
  fromClient: boolean;
  bytes: Buffer;
  timeNs?: bigint;
  sequence?: number;
  /** Of the packet, from `sequence` on; that of `bytes` by default. */
  length?: number;
  flags?: number;
  protocol?: number;
  mode?: number;
  /** Other fields of the record. */
  record?: RecordFields;
}

const HEADER = RECORD_LAYOUT.size + CAPTURE_LAYOUT.size;
const CLIENT = { source: '10.0.0.1', source_port: 40_000, source_endpoint: 1, source_identity: 300 };
const SERVER = { destination: '10.0.0.2', destination_port: 8080, destination_endpoint: 2, destination_identity: 301 };
const SWAPPED = {
  source: '10.0.0.2',
  source_port: 8080,
  source_endpoint: 2,
  source_identity: 301,
  destination: '10.0.0.1',
  destination_port: 40_000,
  destination_endpoint: 1,
  destination_identity: 300,
};

/** One capture as the kernel writes it, padded to 8 bytes. */
export function writeCapture(fields: CaptureFields): Buffer {
  const { connection, fromClient, bytes, timeNs = 1000n, sequence = 0, length = bytes.length } = fields;
  const { flags = 0, protocol = L7_PROTOCOL.HTTP, mode = L7_MODE.METADATA, record } = fields;
  const header = writeRecord(RECORD_LAYOUT, {
    type: RECORD_TYPE.L7,
    family: 4,
    protocol: 6,
    time_ns: timeNs,
    connection_id: connection,
    ...(fromClient ? { ...CLIENT, ...SERVER } : SWAPPED),
    flags: fromClient ? 2 : 3,
    ...record,
  });
  const capture = Buffer.alloc(HEADER + ((bytes.length + 7) & ~7));
  header.copy(capture);
  capture.writeUInt16LE(bytes.length, RECORD_LAYOUT.fields.captured.offset);
  const at = RECORD_LAYOUT.size;
  capture.writeUInt32LE(sequence >>> 0, at + CAPTURE_LAYOUT.fields.sequence.offset);
  capture.writeUInt32LE(length, at + CAPTURE_LAYOUT.fields.length.offset);
  capture[at + CAPTURE_LAYOUT.fields.protocol.offset] = protocol;
  capture[at + CAPTURE_LAYOUT.fields.mode.offset] = mode;
  capture[at + CAPTURE_LAYOUT.fields.flags.offset] = flags;
  bytes.copy(capture, HEADER);
  return capture;
}

/** Hands a capture to `sink`, somewhere in memory larger than it. */
export function give(sink: RecordSink, fields: CaptureFields): void {
  giver(sink, fields)(Number(fields.connection & 0xffff_ffffn));
}

/** As `give`, again and again, each time of the connection with that number (the lower half of its id). */
export function giver(sink: RecordSink, fields: CaptureFields): (connection: number) => void {
  const capture = writeCapture(fields);
  const memory = Buffer.alloc(capture.length + 64, 0xaa);
  capture.copy(memory, 32);
  const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  return (connection) => {
    memory.writeUInt32LE(connection, 32 + RECORD_LAYOUT.fields.connection_id.offset);
    sink.take(words, 8, capture.length);
  };
}

export const FIRST = CAPTURE_FLAG_FIRST;
export const END = CAPTURE_FLAG_END;
