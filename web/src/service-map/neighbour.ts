/** Arrow keys go from card to card. */
import type { Places } from './graph/groups.ts';

const WAYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Id of the nearest node in the direction of an arrow key, null for another key or if there is none. */
export function neighbourOf(id: string, key: string, places: Places): string | null {
  const [way, at] = [WAYS[key], places.get(id)];
  if (way === undefined || at === undefined) return null;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [other, box] of places) {
    const dx = box.x + box.width / 2 - (at.x + at.width / 2);
    const dy = box.y + box.height / 2 - (at.y + at.height / 2);
    const ahead = dx * way[0] + dy * way[1];
    const aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    if (other === id || ahead <= 0 || ahead < aside / 3) continue;
    if (ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  return best;
}
