/** How many connections another backend gets when one of them goes: what the tests bound and the benchmark prints. */
import { maglevTable } from '../../server/datapath/maglev.ts';

export interface Disruption {
  /** Share of slots that must move: those of the backend that goes. */
  ideal: number;
  /** Share that moves, mean over all backends that may go. */
  measured: number;
  /** The largest of these shares. */
  worst: number;
}

/** Addresses of a pod network, as backends have them. */
export const backendNames = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.42.${i >> 8}.${i & 255}:8080`);

/** Removes each of `names` in turn from a table of `size` slots; `after` is the size without it. */
export function disruption(names: readonly string[], size: number, after = size): Disruption {
  const before = maglevTable(names, size);
  const shares = names.map((gone) => {
    const rest = names.filter((it) => it !== gone);
    const table = maglevTable(rest, after);
    return movedShare(
      Array.from(before, (it) => names[it] ?? ''),
      Array.from(table, (it) => rest[it] ?? ''),
    );
  });
  return {
    ideal: 1 / names.length,
    measured: shares.reduce((sum, it) => sum + it, 0) / shares.length,
    worst: Math.max(...shares),
  };
}

/** Share of hash values whose backend differs. A hash takes slot `hash % size`, so two sizes repeat together at their product. */
function movedShare(before: readonly string[], after: readonly string[]): number {
  const hashes = before.length === after.length ? before.length : before.length * 64;
  let moved = 0;
  for (let hash = 0; hash < hashes; hash++) {
    // Consecutive values are as good as random ones: the table's order has nothing to do with the names'.
    if (before[hash % before.length] !== after[hash % after.length]) moved++;
  }
  return moved / hashes;
}
