/**
 * Maglev's lookup tables, by the algorithm of Eisenbud et al., "Maglev: A Fast and Reliable Software Network
 * Load Balancer" (NSDI 2016), section 3.4. Each backend has a permutation of the table's slots that depends
 * on nothing but its name; backends take turns, each claiming the next free slot of its permutation. So
 * every node fills the same table, shares are nearly equal, and a backend that goes moves few slots but its own.
 */

/** Prime table sizes: at least 50 slots a backend while there are few, so that shares differ little. */
const SIZES = [
  { backends: 4, size: 251 },
  { backends: 40, size: 2039 },
] as const;
const LARGEST = 16_381;

/**
 * Slots of the table for that many backends. A single backend needs no table: 1. None: 0. Where one size
 * ends and the next begins (4 and 5 backends, 40 and 41) most new connections are dealt anew.
 */
export function tableSize(backends: number): number {
  if (backends <= 1) return backends;
  return SIZES.find((it) => backends <= it.backends)?.size ?? LARGEST;
}

/**
 * The table as indexes into `names`, one a slot. `names` must be distinct; sort them, because ties are
 * settled by their order. More names than slots leave the last ones without.
 */
export function maglevTable(names: readonly string[], size: number): Uint16Array {
  const FREE = 0xffff;
  const table = new Uint16Array(size).fill(FREE);
  const place = Uint32Array.from(names, (name) => hash(name, 0x9747b28c) % size);
  const skip = Uint32Array.from(names, (name) => (size > 1 ? (hash(name, 0x3c6ef372) % (size - 1)) + 1 : 0));
  for (let taken = 0; taken < size;) {
    for (let i = 0; i < names.length && taken < size; i++) {
      let slot = place[i] as number;
      const step = skip[i] as number;
      // Both are below the size, so one subtraction is the remainder.
      while (table[slot] !== FREE) slot = slot + step < size ? slot + step : slot + step - size;
      table[slot] = i;
      place[i] = slot + step < size ? slot + step : slot + step - size;
      taken++;
    }
  }
  return table;
}

/** FNV-1a of the UTF-16 units, its bits then mixed so that names that differ little are far apart. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
