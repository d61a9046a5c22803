/** Reads a flow batch: checks the header and walks the records once. Nothing is copied or allocated per record. */
import { BATCH_HEADER } from '../../wire/agent.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import { MAX_MESSAGE_BYTES } from '../../wire/l7.ts';
import { paddedCapture, type RecordCursor } from '../../flows/record.ts';
import { ProtocolError } from './protocol-error.ts';

export interface Batch {
  number: number;
  count: number;
  clockOffsetNs: bigint;
  /** Records the agent could not keep since its session began. */
  lost: number;
  /** Place of the first record among all of its session, from 0. */
  firstSequence: number;
  /** The records, a view of the message. */
  records: Buffer;
}

/** Header of a batch message, kind byte included. Throws a ProtocolError. */
export function readBatchHeader(message: Buffer): Batch {
  if (message.length < BATCH_HEADER.size) {
    throw new ProtocolError('batch', `A batch of ${message.length} bytes is shorter than its header.`);
  }
  return {
    count: message.readUInt32LE(BATCH_HEADER.count),
    number: safe(message.readBigUInt64LE(BATCH_HEADER.number), 'number'),
    clockOffsetNs: message.readBigInt64LE(BATCH_HEADER.clock_offset_ns),
    lost: safe(message.readBigUInt64LE(BATCH_HEADER.lost), 'lost count'),
    firstSequence: safe(message.readBigUInt64LE(BATCH_HEADER.first_sequence), 'first sequence'),
    records: message.subarray(BATCH_HEADER.size),
  };
}

function safe(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ProtocolError('batch', `The batch ${what} ${value} is too large.`);
  return Number(value);
}

export interface WalkedRecords {
  offsets: Uint32Array | null;
  /** Monotonic ns of the oldest and newest record. */
  minTime: number;
  maxTime: number;
}

/**
 * Checks version and bounds of each record, before anything of the batch is used.
 * `offsets` of the result is null if all records have `recordSize`. Throws a ProtocolError.
 */
export function walkRecords(batch: Batch, cursor: RecordCursor, recordSize: number, version: number): WalkedRecords {
  const { records, count } = batch;
  if (count * recordSize > records.length) {
    throw new ProtocolError('batch', `The batch claims ${count} records but has ${records.length} bytes for them.`);
  }
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let offsets: Uint32Array | null = null;
  let minTime = Infinity;
  let maxTime = -Infinity;
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + recordSize > records.length) {
      throw new ProtocolError('batch', `Record ${i + 1} of ${count} lies beyond the end of the batch.`);
    }
    cursor.moveTo(view, at);
    if (cursor.version !== version) {
      throw new ProtocolError('batch', `Record ${i + 1} has version ${cursor.version}; the hello said ${version}.`);
    }
    if (offsets !== null) offsets[i] = at;
    const time = cursor.timeNumber;
    if (time < minTime) minTime = time;
    if (time > maxTime) maxTime = time;
    at += recordSize;
    const { captured } = cursor;
    if (captured === 0) continue;
    if (cursor.type === RECORD_TYPE.L7 && captured > MAX_MESSAGE_BYTES) {
      throw new ProtocolError(
        'batch',
        `Record ${i + 1} has a message of ${captured} bytes; at most ${MAX_MESSAGE_BYTES} are allowed.`,
      );
    }
    if (offsets === null) {
      offsets = new Uint32Array(count);
      for (let j = 0; j <= i; j++) offsets[j] = j * recordSize;
    }
    at += paddedCapture(captured);
    if (at > records.length) {
      throw new ProtocolError(
        'batch',
        `Record ${i + 1} claims ${captured} captured bytes, beyond the end of the batch.`,
      );
    }
  }
  if (at !== records.length) {
    throw new ProtocolError('batch', `The batch has ${records.length - at} bytes after its last record.`);
  }
  return { offsets, minTime, maxTime };
}
