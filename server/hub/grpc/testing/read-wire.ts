/** Reads protobuf bytes by the table of wire-table.ts into proto3 JSON, sharing no code with the server. */
import { formatTime } from '../../../flows/timestamp.ts';
import { ENUMS, MESSAGES } from './wire-table.ts';

type Json = Record<string, unknown>;

/** The message as the JSON that Hubble writes for it. Throws for a field that the table lacks. */
export function readWire(message: string, bytes: Uint8Array): Json {
  const fields = MESSAGES[message];
  if (fields === undefined) throw new Error(`the table has no message ${message}`);
  const json: Json = {};
  for (const { number, value } of wireFields(bytes)) {
    const line = fields.find((it) => it.startsWith(`${number} `));
    if (line === undefined) throw new Error(`${message} has no field ${number}`);
    const [, name = '', type = ''] = line.split(' ');
    if (!type.endsWith('[]')) json[name] = readValue(type, value);
    else json[name] = [...((json[name] ?? []) as unknown[]), readValue(type.slice(0, -2), value)];
  }
  return json;
}

type WireValue = bigint | Buffer;

/** Numbers and values of a message's fields (protobuf.dev, "Encoding"). */
export function* wireFields(bytes: Uint8Array): Generator<{ number: number; value: WireValue }> {
  const buffer = Buffer.from(bytes);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(buffer.readUInt8(at++));
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  };
  while (at < buffer.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const kind = Number(tag & 7n);
    if (kind === 0) yield { number, value: varint() };
    else if (kind === 1) yield { number, value: buffer.subarray(at, (at += 8)) };
    else if (kind === 2) {
      const length = Number(varint());
      yield { number, value: buffer.subarray(at, (at += length)) };
    } else throw new Error(`wire type ${kind} is not used in the Hubble API`);
  }
}

function readValue(type: string, value: WireValue): unknown {
  if (typeof value === 'bigint') {
    if (type === 'bool') return value === 1n;
    if (type === 'uint64') return String(value);
    const names = ENUMS[type];
    return names === undefined ? Number(BigInt.asIntN(64, value)) : (names[Number(value)] ?? Number(value));
  }
  switch (type) {
    case 'string':
      return value.toString('utf8');
    case 'double':
      return value.readDoubleLE();
    case 'Timestamp':
      return formatTime(inner(value, 1) * 1_000_000_000n + inner(value, 2));
    case 'BoolValue':
      return inner(value, 1) === 1n;
    case 'UInt32Value':
      return Number(inner(value, 1));
    case 'Any':
      return readAny(value);
    default:
      return readWire(type, value);
  }
}

function inner(bytes: Buffer, number: number): bigint {
  const field = [...wireFields(bytes)].find((it) => it.number === number);
  return typeof field?.value === 'bigint' ? field.value : 0n;
}

/** google.protobuf.Any with a google.protobuf.Struct in it. */
function readAny(bytes: Buffer): Json {
  const [url, content] = [...wireFields(bytes)].map(({ value }) => value as Buffer);
  return { '@type': url?.toString(), value: readStruct(content ?? Buffer.alloc(0)) };
}

/** google.protobuf.Struct: 1 is a map of names (1) to values (2). */
function readStruct(bytes: Buffer): Json {
  const json: Json = {};
  for (const { value: entry } of wireFields(bytes)) {
    const [name, value] = [...wireFields(entry as Buffer)].map((field) => field.value as Buffer);
    json[String(name)] = readStructValue(value ?? Buffer.alloc(0));
  }
  return json;
}

/** google.protobuf.Value: 1 null, 2 number, 3 string, 4 bool, 5 struct, 6 list. */
function readStructValue(bytes: Buffer): unknown {
  const [field] = wireFields(bytes);
  const value = field?.value;
  switch (field?.number) {
    case 2:
      return (value as Buffer).readDoubleLE();
    case 3:
      return String(value);
    case 4:
      return value === 1n;
    case 5:
      return readStruct(value as Buffer);
    case 6:
      return [...wireFields(value as Buffer)].map((it) => readStructValue(it.value as Buffer));
    default:
      return null;
  }
}
