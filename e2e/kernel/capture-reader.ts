/** What the programs captured of messages, read from the ring `captures`. */
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import type { BpfMap } from '../../server/kernel/maps.ts';
import {
  CAPTURE_FLAG_END,
  CAPTURE_FLAG_FIRST,
  CAPTURE_FLAG_UDP,
  CAPTURE_LAYOUT,
  RECORD_LAYOUT,
} from '../../server/wire/record-layout.gen.ts';
import { L7_MODE_NAME, L7_PROTOCOL_NAME, RECORD_TYPE } from '../../server/wire/lists.gen.ts';
import { readStruct, type StructValue } from '../../server/wire/struct.ts';

const HEADER = RECORD_LAYOUT.size + CAPTURE_LAYOUT.size;
const FLAG_REPLY = 0x01;

export interface Capture {
  record: StructValue<typeof RECORD_LAYOUT>;
  /** From the connection's server to its client. */
  isReply: boolean;
  sequence: number;
  length: number;
  protocol: string;
  mode: string;
  flags: string[];
  bytes: Buffer;
}

/** Owns its place in the ring, not the map. */
export class CaptureReader implements Disposable {
  readonly #ring: RingBuffer;

  constructor(captures: BpfMap) {
    this.#ring = new RingBuffer(captures);
  }

  /** Everything captured since the last call. @throws Error for one that is not as its layout says. */
  read(): Capture[] {
    const captures: Capture[] = [];
    const take = (words: Int32Array, at: number, bytes: number): boolean => {
      captures.push(decode(Buffer.from(new Uint8Array(words.buffer, words.byteOffset + at * 4, bytes))));
      return true;
    };
    while (this.#ring.drain({ take }, Number.POSITIVE_INFINITY) > 0);
    return captures;
  }

  /** Bytes that wait in the ring. */
  get pending(): number {
    return this.#ring.pending;
  }

  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
  }
}

function decode(entry: Buffer): Capture {
  const record = readStruct(RECORD_LAYOUT, entry);
  const capture = readStruct(CAPTURE_LAYOUT, entry.subarray(RECORD_LAYOUT.size));
  const { captured } = record;
  const padded = (captured + 7) & ~7;
  if (record.type !== RECORD_TYPE.L7 || record.version !== RECORD_LAYOUT.version)
    throw new Error(`a capture has the type ${record.type}, version ${record.version}`);
  if (entry.length !== HEADER + padded)
    throw new Error(`a capture of ${captured} bytes is ${entry.length} long, not ${HEADER + padded}`);
  if (entry.subarray(HEADER + captured).some((it) => it !== 0) || Buffer.from(capture.padding).some((it) => it !== 0))
    throw new Error('the padding of a capture is not zero');
  const flags = Object.entries({ FIRST: CAPTURE_FLAG_FIRST, END: CAPTURE_FLAG_END, UDP: CAPTURE_FLAG_UDP });
  return {
    record,
    isReply: (record.flags & FLAG_REPLY) !== 0,
    sequence: capture.sequence,
    length: capture.length,
    protocol: L7_PROTOCOL_NAME[capture.protocol] ?? '',
    mode: L7_MODE_NAME[capture.mode] ?? '',
    flags: flags.filter(([, bit]) => (capture.flags & bit) !== 0).map(([name]) => name),
    bytes: entry.subarray(HEADER, HEADER + captured),
  };
}
