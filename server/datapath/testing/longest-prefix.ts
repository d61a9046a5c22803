/**
 * Lookups in a trie of longest prefixes as the kernel makes them (Documentation/bpf/map_lpm_trie.rst): keys
 * are a u32 length in bits and the data, of which that many bits count.
 */
import type { MemoryMap } from './memory-map.ts';

export class LongestPrefix {
  /** Length in bits -> data as hex -> value. */
  readonly #tables = new Map<number, Map<string, Buffer>>();
  readonly #lengths: number[];

  /** What `map` holds now. */
  constructor(map: MemoryMap) {
    for (const [key, value] of map.entries()) {
      const bits = key.readUInt32LE(0);
      const table = this.#tables.get(bits) ?? new Map<string, Buffer>();
      this.#tables.set(bits, table.set(masked(key.subarray(4), bits), value));
    }
    this.#lengths = [...this.#tables.keys()].toSorted((a, b) => b - a);
  }

  /** `data`: all bits of what is looked for. */
  lookup(data: Buffer): Buffer | undefined {
    for (const bits of this.#lengths) {
      const found = this.#tables.get(bits)?.get(masked(data, bits));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function masked(data: Buffer, bits: number): string {
  const whole = bits >> 3;
  const rest = bits & 7;
  const hex = data.toString('hex', 0, whole);
  return rest === 0 ? hex : `${hex}/${(data[whole] ?? 0) >> (8 - rest)}`;
}
