/**
 * Where Kafka's messages have their topic and their error code (kafka.apache.org/protocol, and the message definitions
 * of Apache Kafka 3.x). Only what can be read without doubt is: versions that are not known here have neither.
 */

/** Nothing that names a topic is longer (Kafka's own bound is 249). */
const MAX_TOPIC = 249;

/** Moves over a message's fields; `isCut` once one is missing, from where on everything reads as empty. */
class Fields {
  readonly #bytes: Buffer;
  #at: number;
  isCut = false;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  skip(length: number): this {
    this.#at += length;
    if (this.#at > this.#bytes.length) this.isCut = true;
    return this;
  }

  int16(): number {
    this.skip(2);
    return this.isCut ? 0 : this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.skip(4);
    return this.isCut ? 0 : this.#bytes.readInt32BE(this.#at - 4);
  }

  /** Unsigned, 7 bits a byte. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      this.skip(1);
      if (this.isCut) return 0;
      const byte = this.#bytes[this.#at - 1] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    this.isCut = true;
    return 0;
  }

  /** Elements of an array, -1 for null; `isCompact` since the version that is flexible. */
  count(isCompact: boolean): number {
    return isCompact ? this.varint() - 1 : this.int32();
  }

  /** '' for null. */
  string(isCompact: boolean): string {
    const length = isCompact ? this.varint() - 1 : this.int16();
    if (this.isCut || length <= 0) return '';
    const start = this.#at;
    this.skip(length);
    return this.isCut || length > MAX_TOPIC ? '' : this.#bytes.toString('utf8', start, this.#at);
  }

  /** Tagged fields of a header or a structure (KIP-482); there are hardly ever any. */
  tags(): this {
    for (let count = this.varint(); count > 0 && !this.isCut; count -= 1) {
      this.varint();
      this.skip(this.varint());
    }
    return this;
  }
}

interface Api {
  name: string;
  /** First flexible version, and the last version that is known here. */
  flexible: number;
  last: number;
  /** From where on the response has its error code, by version; undefined where it has none of its own. */
  error?: (fields: Fields, version: number, isFlexible: boolean) => number | null;
  topic?: (fields: Fields, version: number, isFlexible: boolean) => string;
}

/** An error code at the very beginning, or since `throttled` behind the throttle time. */
function plainError(throttled: number): NonNullable<Api['error']> {
  return (fields, version) => {
    if (version >= throttled) fields.skip(4);
    return fields.int16();
  };
}

function firstTopic(fields: Fields, isFlexible: boolean): string {
  return fields.count(isFlexible) > 0 ? fields.string(isFlexible) : '';
}

/** Of the first partition of the first topic: `topics [name partitions [index error …`. */
function partitionError(fields: Fields, isFlexible: boolean): number | null {
  if (fields.count(isFlexible) <= 0) return null;
  fields.string(isFlexible);
  return fields.count(isFlexible) > 0 ? fields.skip(4).int16() : null;
}

const APIS: Readonly<Record<number, Api>> = {
  0: {
    name: 'produce',
    flexible: 9,
    last: 12,
    topic: (fields, version, isFlexible) => {
      if (version >= 3) fields.string(isFlexible);
      return firstTopic(fields.skip(2 + 4), isFlexible);
    },
    error: (fields, _version, isFlexible) => partitionError(fields, isFlexible),
  },
  1: {
    name: 'fetch',
    flexible: 12,
    last: 12,
    topic: (fields, version, isFlexible) => {
      fields.skip(12 + (version >= 3 ? 4 : 0) + (version >= 4 ? 1 : 0) + (version >= 7 ? 8 : 0));
      return firstTopic(fields, isFlexible);
    },
    error: (fields, version, isFlexible) => {
      if (version >= 1) fields.skip(4);
      return version >= 7 ? fields.int16() : partitionError(fields, isFlexible);
    },
  },
  2: { name: 'listoffsets', flexible: 6, last: -1 },
  3: {
    name: 'metadata',
    flexible: 9,
    last: 12,
    topic: (fields, version, isFlexible) => {
      if (fields.count(isFlexible) <= 0) return '';
      // A topic's id may stand in place of its name.
      if (version >= 10) fields.skip(16);
      return fields.string(isFlexible);
    },
  },
  8: { name: 'offsetcommit', flexible: 8, last: -1 },
  9: { name: 'offsetfetch', flexible: 6, last: -1 },
  10: {
    name: 'findcoordinator',
    flexible: 3,
    last: 3,
    error: plainError(1),
  },
  11: { name: 'joingroup', flexible: 6, last: 9, error: plainError(2) },
  12: { name: 'heartbeat', flexible: 4, last: 4, error: plainError(1) },
  13: { name: 'leavegroup', flexible: 4, last: 5, error: plainError(1) },
  14: { name: 'syncgroup', flexible: 4, last: 5, error: plainError(1) },
  15: { name: 'describegroups', flexible: 5, last: -1 },
  16: { name: 'listgroups', flexible: 3, last: -1 },
  17: { name: 'saslhandshake', flexible: 99, last: 1, error: plainError(99) },
  18: { name: 'apiversions', flexible: 3, last: 4, error: plainError(99) },
  19: { name: 'createtopics', flexible: 5, last: -1 },
  20: { name: 'deletetopics', flexible: 4, last: -1 },
  22: { name: 'initproducerid', flexible: 2, last: 5, error: plainError(0) },
  24: { name: 'addpartitionstotxn', flexible: 3, last: -1 },
  26: { name: 'endtxn', flexible: 3, last: 4, error: plainError(0) },
  36: { name: 'saslauthenticate', flexible: 2, last: 2, error: plainError(99) },
};

const API_VERSIONS = 18;
const PRODUCE = 0;
/** Kafka 4.0 has keys up to 92, and no API more than 18 versions. */
export const MAX_API_KEY = 120;
export const MAX_API_VERSION = 25;

/** Hubble's name of an API, `api99` for one not known here. */
export function apiName(key: number): string {
  return APIS[key]?.name ?? `api${key}`;
}

/** Topic of a request, '' if it has none or it cannot be read; `at` is behind the correlation id. */
export function readTopic(bytes: Buffer, at: number, key: number, version: number): string {
  const api = APIS[key];
  if (api?.topic === undefined || version > api.last) return '';
  const isFlexible = version >= api.flexible;
  const fields = new Fields(bytes, at);
  skipClient(fields, isFlexible);
  const topic = api.topic(fields, version, isFlexible);
  return !fields.isCut && /^[\w.-]+$/.test(topic) ? topic : '';
}

/** Whether the producer asked for no answer (acks = 0). */
export function isUnanswered(bytes: Buffer, at: number, key: number, version: number): boolean {
  const api = APIS[key];
  if (key !== PRODUCE || api === undefined || version > api.last) return false;
  const isFlexible = version >= api.flexible;
  const fields = new Fields(bytes, at);
  skipClient(fields, isFlexible);
  if (version >= 3) fields.string(isFlexible);
  return fields.int16() === 0 && !fields.isCut;
}

/** Error code of a response, null if it has none or it cannot be read; `at` is behind the correlation id. */
export function readError(bytes: Buffer, at: number, key: number, version: number): number | null {
  const api = APIS[key];
  if (api?.error === undefined || version > api.last) return null;
  const isFlexible = version >= api.flexible;
  const fields = new Fields(bytes, at);
  // ApiVersions keeps the old head, so that any client can read it (KIP-511).
  if (isFlexible && key !== API_VERSIONS) fields.tags();
  const code = api.error(fields, version, isFlexible);
  return fields.isCut ? null : code;
}

/** The client's name, which has the old form in every version, and the head's tagged fields. */
function skipClient(fields: Fields, isFlexible: boolean): void {
  const length = fields.int16();
  if (length > 0) fields.skip(length);
  if (isFlexible) fields.tags();
}
