/** Rows of `flows` as the reader asks for them, in ClickHouse's RowBinary: numbers little-endian, texts by their length. */

/** What FlowRows reads, in this order. */
export const FLOW_COLUMNS = 'reinterpretAsInt64(time) AS time_ns, session, sequence, clock_offset_ns, record';

export interface FlowRow {
  /** Unix ns. */
  time: bigint;
  session: bigint;
  sequence: number;
  clockOffsetNs: bigint;
  /** The record and its captured bytes. */
  record: Buffer;
}

const NUMBERS = 32;
/** A length takes no more bytes than this; records are far below what five bytes can say. */
const MAX_LENGTH_BYTES = 5;

/** Takes chunks as they come, gives the rows that are whole. */
export class FlowRowReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): FlowRow[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const rows: FlowRow[] = [];
    let at = 0;
    for (;;) {
      const length = lengthAt(bytes, at + NUMBERS);
      if (length === null || at + NUMBERS + length.bytes + length.value > bytes.length) break;
      const start = at + NUMBERS + length.bytes;
      rows.push({
        time: bytes.readBigInt64LE(at),
        session: bytes.readBigUInt64LE(at + 8),
        sequence: Number(bytes.readBigUInt64LE(at + 16)),
        clockOffsetNs: bytes.readBigInt64LE(at + 24),
        record: bytes.subarray(start, start + length.value),
      });
      at = start + length.value;
    }
    this.#rest = bytes.subarray(at);
    return rows;
  }

  /** Throws if the answer ended within a row. */
  end(): void {
    if (this.#rest.length > 0) throw new Error(`the store's answer ended ${this.#rest.length} bytes into a row`);
  }
}

/** LEB128; null if it is not all there yet. */
function lengthAt(bytes: Buffer, at: number): { value: number; bytes: number } | null {
  let value = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) === 0) return { value, bytes: i + 1 };
  }
  throw new Error('the store answered with something that is no row');
}
