/** Where the fields of a capture lie in ring memory, and those that are more than one number. */
import { CAPTURE_LAYOUT, RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';

const RECORD_FLAG_REPLY = 0x01;
/** Bytes from the beginning of the record, or words (of 4 bytes) where it says so. */
export const AT = {
  captured: RECORD_LAYOUT.fields.captured.offset,
  flags: RECORD_LAYOUT.fields.flags.offset,
  timeWord: RECORD_LAYOUT.fields.time_ns.offset / 4,
  idWord: RECORD_LAYOUT.fields.connection_id.offset / 4,
  sequenceWord: (RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.sequence.offset) / 4,
  lengthWord: (RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.length.offset) / 4,
  protocol: RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.protocol.offset,
  mode: RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.mode.offset,
  captureFlags: RECORD_LAYOUT.size + CAPTURE_LAYOUT.fields.flags.offset,
  payload: RECORD_LAYOUT.size + CAPTURE_LAYOUT.size,
} as const;
/** Numbers are exact up to 2^53: of the id's upper half, these bits. */
const ID_HIGH = 0x1f_ffff;

/** Connection of the record at word `at`: the lower 53 bits of its id, which differ for a week of connections. */
export function idOf(words: Int32Array, at: number): number {
  const low = (words[at + AT.idWord] as number) >>> 0;
  const high = (words[at + AT.idWord + 1] as number) & ID_HIGH;
  return low + high * 2 ** 32;
}

/** Whether the record at byte `base` is of a packet from the server. */
export function isReplyAt(ring: Buffer, base: number): boolean {
  return ((ring[base + AT.flags] as number) & RECORD_FLAG_REPLY) !== 0;
}

/** Time of the record at word `at`, ns: exact up to 104 days of uptime, then to a few ns. */
export function timeOf(words: Int32Array, at: number): number {
  return ((words[at + AT.timeWord] as number) >>> 0) + ((words[at + AT.timeWord + 1] as number) >>> 0) * 2 ** 32;
}
