/** Writes records of a layout field by field: for tests, recordings and benchmarks, not for hot paths. */
import type { RecordLayout } from '../wire/layout.ts';
import { parseAddress } from '../wire/address.ts';
import { paddedCapture } from './record.ts';

/** Numbers by field name; addresses as text. Fields left out are zero, `version` is the layout's. */
export type RecordFields = Readonly<Record<string, number | bigint | string>>;

/** One record, with room for `captured` bytes behind it if that field is given. */
export function writeRecord(layout: RecordLayout, fields: RecordFields): Buffer {
  const { captured } = fields;
  const record = Buffer.alloc(layout.size + paddedCapture(typeof captured === 'number' ? captured : 0));
  for (const [name, value] of Object.entries({ version: layout.version, ...fields })) {
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
