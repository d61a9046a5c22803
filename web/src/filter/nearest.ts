/** The word of a list that was most likely meant. */

/** Null if none is near: more than half of its letters would have to change. */
export function nearest(word: string, list: readonly string[]): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const candidate of list) {
    const distance = editDistance(word.slice(0, 40), candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best !== null && least <= best.length / 2 ? best : null;
}

/** Letters to add, remove or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
