/**
 * HPACK (RFC 7541) for a reader that may have missed something. Entries of the dynamic table are counted from the newest
 * (2.3.3), so after a header block that was cut or not seen the older entries can no longer be told apart, but all that
 * are added later can: a reference beyond those that are known gives UNKNOWN instead of an error.
 *
 * The encoder says in the block itself how large its table is (6.3), so SETTINGS_HEADER_TABLE_SIZE need not be followed.
 * Of a table above MAX_TABLE_BYTES the newest entries are kept.
 */
import { STATIC_TABLE } from './hpack-static.ts';
import { decodeHuffman } from './huffman.ts';

/** Stands for a name or a value that was not seen. */
export const UNKNOWN = '?';
/** Bytes kept of a dynamic table, counted as 4.1 does. */
export const MAX_TABLE_BYTES = 8 * 1024;
/** Longest header block that is decoded, bytes. */
export const MAX_BLOCK_BYTES = 8 * 1024;
/** Bytes of one header list, counted as 4.1 does; fields beyond are left out of the list. */
const MAX_LIST_BYTES = 16 * 1024;
const MAX_LIST_FIELDS = 128;
/** SETTINGS_HEADER_TABLE_SIZE when nothing is said. */
const DEFAULT_TABLE_BYTES = 4096;
const ENTRY_OVERHEAD = 32;

const STATIC_COUNT = STATIC_TABLE.length;
/** Huffman codes are five bits or longer. Shared by all decoders: it holds one string, and only for a moment. */
const scratch = Buffer.allocUnsafeSlow(Math.ceil((MAX_BLOCK_BYTES * 8) / 5));

interface Entry {
  name: string;
  value: string;
  size: number;
}

/** The fields of one block, in their order. Used again for every block. */
export class HeaderList {
  readonly names: string[] = [];
  readonly values: string[] = [];
  #bytes = 0;

  clear(): void {
    this.names.length = 0;
    this.values.length = 0;
    this.#bytes = 0;
  }

  add(name: string, value: string): void {
    this.#bytes += name.length + value.length + ENTRY_OVERHEAD;
    if (this.#bytes > MAX_LIST_BYTES || this.names.length === MAX_LIST_FIELDS) return;
    this.names.push(name);
    this.values.push(value);
  }

  /** The first field of that name, undefined if there is none. */
  get(name: string): string | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : this.values[at];
  }
}

export class HpackDecoder {
  /** Oldest first. */
  #entries: Entry[] = [];
  #size = 0;
  #limit = DEFAULT_TABLE_BYTES;
  /** Whether there is no entry that is not in #entries. */
  #complete = true;
  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;
  /** The block ended within a field, or breaks a rule. */
  #ended = false;
  #broken = false;

  /** Bytes it keeps. */
  get size(): number {
    return this.#size;
  }

  /** A block was not seen: what the table holds beyond later entries is not known. */
  missed(): void {
    this.#entries = [];
    this.#size = 0;
    this.#complete = false;
  }

  /**
   * Decodes the block in bytes `from` to `to` and adds its fields to `list`. `isCut`: the block goes on, but the rest was
   * not seen. @returns false if it breaks the format.
   */
  decode(bytes: Buffer, from: number, to: number, isCut: boolean, list: HeaderList): boolean {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#ended = false;
    this.#broken = false;
    while (this.#at < to && !this.#ended && !this.#broken) this.#field(list);
    this.#bytes = scratch;
    const isBroken = this.#broken || (this.#ended && !isCut);
    if (isBroken || isCut) this.missed();
    return !isBroken;
  }

  #field(list: HeaderList): void {
    const first = this.#bytes[this.#at] as number;
    if (first >= 0x80) {
      // Indexed field, 6.1.
      const index = this.#integer(0x7f);
      if (this.#ended || this.#broken) return;
      const known = this.#known(index);
      if (known !== undefined) list.add(known.name, known.value);
      else if (!this.#broken) list.add(UNKNOWN, UNKNOWN);
    } else if (first >= 0x40) {
      // Literal with incremental indexing, 6.2.1.
      const name = this.#name(0x3f);
      const value = this.#string();
      if (this.#ended || this.#broken) return;
      list.add(name, value);
      this.#insert(name, value);
    } else if (first >= 0x20) {
      // Table size update, 6.3.
      const size = this.#integer(0x1f);
      if (!this.#ended && !this.#broken) this.#resize(size);
    } else {
      // Literal without indexing, or never indexed, 6.2.2 and 6.2.3.
      const name = this.#name(0x0f);
      const value = this.#string();
      if (!this.#ended && !this.#broken) list.add(name, value);
    }
  }

  #name(mask: number): string {
    const index = this.#integer(mask);
    if (this.#ended || this.#broken) return '';
    if (index === 0) return this.#string();
    return this.#known(index)?.name ?? UNKNOWN;
  }

  /** The entry of that index, undefined if it is unknown; an index that cannot be breaks the block. */
  #known(index: number): Entry | undefined {
    if (index > 0 && index <= STATIC_COUNT) return STATIC_ENTRIES[index - 1];
    const entry = this.#entries[this.#entries.length - (index - STATIC_COUNT)];
    if (index === 0 || (entry === undefined && this.#complete)) this.#broken = true;
    return entry;
  }

  /** An integer (5.1) whose prefix is the bits of `mask`; 2^28 at most. */
  #integer(mask: number): number {
    let value = (this.#bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) {
        this.#ended = true;
        return 0;
      }
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#broken = true;
    return 0;
  }

  #string(): string {
    if (this.#ended || this.#broken) return '';
    if (this.#at >= this.#end) {
      this.#ended = true;
      return '';
    }
    const isHuffman = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    if (this.#ended || this.#broken) return '';
    const from = this.#at;
    if (length > this.#end - from) {
      this.#ended = true;
      return '';
    }
    this.#at = from + length;
    if (!isHuffman) return this.#bytes.toString('latin1', from, from + length);
    const decoded = decodeHuffman(this.#bytes, from, from + length, scratch);
    if (decoded < 0) {
      this.#broken = true;
      return '';
    }
    return scratch.toString('latin1', 0, decoded);
  }

  #insert(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#entries.push({ name, value, size });
    this.#size += size;
    this.#evict();
  }

  #resize(size: number): void {
    // What was there beyond our bound comes not back when the table shrinks: it is older than what is known.
    this.#limit = size;
    this.#evict();
  }

  #evict(): void {
    if (this.#size > MAX_TABLE_BYTES && this.#limit > MAX_TABLE_BYTES) this.#complete = false;
    const limit = Math.min(this.#limit, MAX_TABLE_BYTES);
    let gone = 0;
    while (this.#size > limit) this.#size -= this.#entries[gone++]?.size ?? this.#size;
    if (gone > 0) this.#entries.splice(0, gone);
  }
}

const STATIC_ENTRIES: readonly Entry[] = STATIC_TABLE.map(([name, value]) => ({ name, value, size: 0 }));
