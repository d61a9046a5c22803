/** Writes records of a layout field by field: for tests, recordings and benchmarks, not for hot paths. */
import type { RecordLayout } from '../wire/layout.ts';
import { parseAddress } from '../wire/address.ts';
import { paddedCapture } from './record.ts';

/**
 * Numbers by field name; addresses as text. Fields left out are zero, `version` is the layout's. `capture` is what was
 * captured: the bytes behind the record, whose number goes into `captured`.
 */
export type RecordFields = Readonly<Record<string, number | bigint | string | Buffer>>;

/** One record, with room for `captured` bytes behind it if that field is given. */
export function writeRecord(layout: RecordLayout, { capture, ...numbers }: RecordFields): Buffer {
  const bytes = Buffer.isBuffer(capture) ? capture : Buffer.alloc(0);
  const fields = { version: layout.version, ...(bytes.length > 0 && { captured: bytes.length }), ...numbers };
  const captured = 'captured' in fields ? Number(fields.captured) : 0;
  const record = Buffer.alloc(layout.size + paddedCapture(captured));
  bytes.copy(record, layout.size);
  for (const [name, value] of Object.entries(fields)) {
    if (Buffer.isBuffer(value)) throw new Error(`${name} is no field of bytes`);
    const field = layout.fields[name];
    if (field === undefined) throw new Error(`the layout has no field ${name}`);
    if (typeof value === 'string') {
      const address = parseAddress(value);
      if (address === null) throw new Error(`the value of ${name} is no address`);
      record.set(address, field.offset);
    } else if (field.size === 8) {
      record.writeBigUInt64LE(BigInt(value), field.offset);
    } else {
      record.writeUIntLE(Number(value), field.offset, field.size);
    }
  }
  return record;
}
