/**
 * Rows in ClickHouse's RowBinary: numbers little-endian, strings and arrays with their length before them as LEB128,
 * nothing between columns or rows. Written into chunks that are never moved, so that a block of rows is not copied again.
 */

/** The first chunk is small, since most tables get few rows at a time. */
const FIRST_CHUNK_BYTES = 16 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const MAX_U32 = 0x1_0000_0000;

interface Chunk {
  bytes: Buffer;
  /** Bytes in the chunks before it. */
  start: number;
  used: number;
}

export class RowWriter {
  #chunks: Chunk[] = [];
  #chunk: Chunk = { bytes: Buffer.alloc(0), start: 0, used: 0 };

  /** Bytes written so far: the place of what comes next. */
  get length(): number {
    return this.#chunk.start + this.#chunk.used;
  }

  /** Room for `bytes` in one piece: where to write in `room`. What was really written is told to `wrote`. */
  reserve(bytes: number): number {
    if (this.#chunk.used + bytes > this.#chunk.bytes.length) {
      const wanted = this.#chunks.length === 0 ? FIRST_CHUNK_BYTES : 4 * this.#chunk.bytes.length;
      const size = Math.max(bytes, Math.min(CHUNK_BYTES, wanted));
      this.#chunk = { bytes: Buffer.allocUnsafeSlow(size), start: this.length, used: 0 };
      this.#chunks.push(this.#chunk);
    }
    return this.#chunk.used;
  }
  get room(): Buffer {
    return this.#chunk.bytes;
  }
  /** What was reserved is written up to here in `room`. */
  wrote(end: number): void {
    this.#chunk.used = end;
  }

  u8(value: number): this {
    const at = this.reserve(1);
    this.wrote(this.room.writeUInt8(value, at));
    return this;
  }
  u16(value: number): this {
    const at = this.reserve(2);
    this.wrote(this.room.writeUInt16LE(value, at));
    return this;
  }
  u32(value: number): this {
    const at = this.reserve(4);
    this.wrote(this.room.writeUInt32LE(value, at));
    return this;
  }
  /** A number is rounded, and below 0 it is 0. */
  u64(value: number | bigint): this {
    const at = this.reserve(8);
    const whole = typeof value === 'bigint' ? value : BigInt(Math.max(0, Math.round(value)));
    this.wrote(this.room.writeBigUInt64LE(BigInt.asUintN(64, whole), at));
    return this;
  }
  i64(value: bigint): this {
    const at = this.reserve(8);
    this.wrote(this.room.writeBigInt64LE(value, at));
    return this;
  }
  string(text: string): this {
    const size = Buffer.byteLength(text);
    const at = writeLength(this, size);
    this.wrote(at + this.room.write(text, at));
    return this;
  }
  u64s(values: readonly number[]): this {
    this.wrote(writeLength(this, values.length, 8 * values.length));
    for (const value of values) this.u64(value);
    return this;
  }
  /** A Map: `key` writes one. */
  map<K>(entries: ReadonlyMap<K, number>, key: (key: K) => void): this {
    this.wrote(writeLength(this, entries.size, 0));
    for (const [name, value] of entries) {
      key(name);
      this.u64(value);
    }
    return this;
  }

  /** The bytes between two places, as views. */
  slices(from: number, to: number): Buffer[] {
    const found: Buffer[] = [];
    for (const { bytes, start, used } of this.#chunks) {
      const [begin, end] = [Math.max(from, start) - start, Math.min(to, start + used) - start];
      if (begin < end) found.push(bytes.subarray(begin, end));
    }
    return found;
  }
}

/** A string as a column of its own. */
export function encodedString(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.alloc(lengthBytes(size) + size);
  bytes.write(text, putLength(bytes, 0, size));
  return bytes;
}

/** Bytes that a length takes as LEB128. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** Writes a length as LEB128; returns where it ends. */
export function putLength(to: Buffer, at: number, length: number): number {
  let end = at;
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) to[end++] = (rest & 0x7f) | 0x80;
  to[end++] = rest;
  return end;
}

/** Writes the sum of two 64-bit integers that lie little-endian in `a` and `b`; it may wrap. */
export function putSum64(to: Buffer, at: number, a: Buffer, aAt: number, b: Buffer, bAt: number): void {
  const low = a.readUInt32LE(aAt) + b.readUInt32LE(bAt);
  const high = a.readUInt32LE(aAt + 4) + b.readUInt32LE(bAt + 4) + (low >= MAX_U32 ? 1 : 0);
  to.writeUInt32LE(low % MAX_U32, at);
  to.writeUInt32LE(high % MAX_U32, at + 4);
}

/** Writes a whole number below 2^53 in 64 bits. */
export function putU64(to: Buffer, at: number, value: number): void {
  to.writeUInt32LE(value % MAX_U32, at);
  to.writeUInt32LE(Math.floor(value / MAX_U32), at + 4);
}

function writeLength(to: RowWriter, length: number, room = length): number {
  const at = to.reserve(lengthBytes(length) + room);
  return putLength(to.room, at, length);
}
