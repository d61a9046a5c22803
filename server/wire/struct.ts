/** Reading and writing C structs by their generated layout. Numbers are little-endian, as the machine's. */
import type { Field, StructLayout } from './layout.ts';

type ValueOf<F extends Field> = F['type'] extends 'u64' ? bigint : F['type'] extends 'bytes' ? Uint8Array : number;

/** The value of a struct: u64 as bigint, arrays and addresses as bytes, the rest as number. */
export type StructValue<L extends StructLayout> = { -readonly [K in keyof L['fields']]: ValueOf<L['fields'][K]> };

/** Writes the given fields at `base`; fields not given are left as they are. */
export function writeStruct<L extends StructLayout>(
  layout: L,
  buffer: Buffer,
  base: number,
  value: Partial<StructValue<L>>,
): void {
  for (const [name, field] of Object.entries(layout.fields)) {
    const v = (value as Record<string, bigint | number | Uint8Array | undefined>)[name];
    if (v === undefined) continue;
    const at = base + field.offset;
    if (typeof v === 'bigint') buffer.writeBigUInt64LE(v, at);
    else if (typeof v === 'number') buffer.writeUIntLE(v, at, field.size);
    else if (v.length === field.size) buffer.set(v, at);
    else throw new RangeError(`${layout.name}.${name} takes ${field.size} bytes, not ${v.length}`);
  }
}

/** @returns a zeroed buffer with the struct in it. */
export function packStruct<L extends StructLayout>(layout: L, value: Partial<StructValue<L>>): Buffer {
  const buffer = Buffer.alloc(layout.size);
  writeStruct(layout, buffer, 0, value);
  return buffer;
}

/** Reads all fields at `base`. Bytes are copied. @throws RangeError if the buffer is too short. */
export function readStruct<L extends StructLayout>(layout: L, buffer: Buffer, base = 0): StructValue<L> {
  const value: Record<string, bigint | number | Uint8Array> = {};
  for (const [name, field] of Object.entries(layout.fields)) {
    const at = base + field.offset;
    if (field.type === 'bytes') value[name] = Uint8Array.prototype.slice.call(buffer, at, at + field.size);
    else if (field.type === 'u64') value[name] = buffer.readBigUInt64LE(at);
    else value[name] = buffer.readUIntLE(at, field.size);
  }
  return value as StructValue<L>;
}

/** A u32 as map keys and values have it. */
export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}
