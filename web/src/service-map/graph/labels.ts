/** Words on lines: only exceptions have any, and only where they touch nothing. */
import { along, type Box, overlap, type Point } from './geometry.ts';
import type { Route } from './route.ts';

export interface Label {
  routeId: string;
  text: string;
  /** Centre. */
  at: Point;
  end: 'dropped' | 'unanswered';
}

const SHARES = [0.5, 0.35, 0.65, 0.2, 0.8];
const CHARACTER = 6.1;
const HEIGHT = 16;
const ORDER = { dropped: 0, unanswered: 1, forwarded: 2 } as const;

/** `text` gives a line's words. Greedy: the worst lines choose first. */
export function placeLabels(routes: readonly Route[], cards: readonly Box[], text: (route: Route) => string): Label[] {
  const labels: Label[] = [];
  const taken = [...cards];
  const wanted = routes.filter((it) => it.line.end !== 'forwarded');
  const sorted = wanted.toSorted((a, b) => ORDER[a.line.end] - ORDER[b.line.end] || b.line.rate - a.line.rate);
  for (const route of sorted) {
    const words = text(route);
    const width = words.length * CHARACTER + 8;
    for (const share of SHARES) {
      const at = along(route.points, share);
      const box = { x: at.x - width / 2, y: at.y - HEIGHT / 2, width, height: HEIGHT };
      if (taken.some((it) => overlap(it, box))) continue;
      taken.push(box);
      labels.push({ routeId: route.line.id, text: words, at, end: route.line.end as Label['end'] });
      break;
    }
  }
  return labels;
}
