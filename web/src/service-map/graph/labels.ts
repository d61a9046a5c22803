/** Words on lines: only exceptions have any, and only where they touch nothing. */
import { along, type Box, distance, grow, overlap, type Point } from './geometry.ts';
import { type Route, STOP_AT } from './route.ts';

export interface Label {
  routeId: string;
  text: string;
  /** Centre. */
  at: Point;
  tone: LabelTone;
  /** On the line, which it interrupts, or beside it. */
  isOnLine: boolean;
}

/** What the words are about, the worst first; `plain` is of what was selected. */
export type LabelTone = 'dropped' | 'unanswered' | 'failing' | 'plain';

/** What stands at a line: the wanted words first, shorter ones after them. */
export interface Words {
  tone: LabelTone;
  texts: string[];
}

/** Where to look for room: `scale` is the size of words, 1 for that of a map at scale 1. */
interface Search {
  taken: Box[];
  isCrossed: (box: Box, id: string) => boolean;
  scale: number;
}

type Spot = Pick<Label, 'at' | 'isOnLine'>;

const SHARES = [0.5, 0.35, 0.65, 0.2, 0.8];
const CHARACTER = 6;
const HEIGHT = 14;
const ORIGIN: Point = { x: 0, y: 0 };
/** From the line to the middle of words beside it. */
const BESIDE = 12;
/** More words than this are not read but looked over; the table below has them all. */
const MAX_LABELS = 60;
const ORDER: Readonly<Record<LabelTone, number>> = { dropped: 0, unanswered: 1, failing: 2, plain: 3 };

/**
 * `words` gives what may stand at a line, for instance `dropped 4.0/s` or `4.0/s`; null for nothing. Greedy: the
 * worst lines choose first; a line without room for its words has none. `taken` is what words must not touch,
 * `isCrossed` tells whether a line other than the named one runs through a box.
 */
export function placeLabels(
  routes: readonly Route[],
  taken: readonly Box[],
  isCrossed: Search['isCrossed'],
  scale: number,
  words: (route: Route) => Words | null,
): Label[] {
  const labels: Label[] = [];
  const search: Search = { taken: [...taken], isCrossed, scale };
  const wanted = routes.flatMap((route) => {
    const its = words(route);
    return its === null ? [] : [{ route, its }];
  });
  const sorted = wanted.toSorted(
    (a, b) => ORDER[a.its.tone] - ORDER[b.its.tone] || b.route.line.rate - a.route.line.rate,
  );
  for (const { route, its } of sorted.slice(0, MAX_LABELS)) {
    const label = placeOne(route, search, its);
    if (label === null) continue;
    labels.push(label);
    search.taken.push(boxOf(label.text, label.at, scale));
  }
  return labels;
}

function placeOne(route: Route, { taken, isCrossed, scale }: Search, { tone, texts }: Words): Label | null {
  const { id, end, stop } = route.line;
  const piece = longestLevel(route.points);
  const width = (text: string): number => boxOf(text, ORIGIN, scale).width;
  // Words lie within their own width of their line.
  const reach = grow(route.bounds, Math.max(...texts.map(width)) + BESIDE * scale);
  const near = taken.filter((it) => overlap(it, reach));
  const tries = texts.map((text) => {
    const spots = spotsOf(route.points, piece, width(text), scale);
    // A failing line may have strokes across it, which words on it would hide.
    const isFree = ({ at }: Spot): boolean => !touches(boxOf(text, at, scale), route.points);
    return { text, spots: tone === 'failing' ? spots.filter(isFree) : spots };
  });
  if (end === 'dropped' && stop === 'source') {
    // Fewer words at the bar say more than all of them far from it.
    tries.unshift(...texts.map((text) => ({ text, spots: atStop(route.points, width(text), scale) })));
  }
  for (const mayCross of [false, true]) {
    for (const { text, spots } of tries) {
      const spot = spots.find(({ at }) => {
        const box = boxOf(text, at, scale);
        // Crossed by another line words can still be read; best where none is.
        return !near.some((it) => overlap(it, box)) && (mayCross || !isCrossed(box, id));
      });
      if (spot !== undefined) return { routeId: id, text, tone, ...spot };
    }
  }
  return null;
}

/** Just behind the bar of what was stopped at its source. */
function atStop(points: readonly Point[], width: number, scale: number): Spot[] {
  const start = points[0] ?? ORIGIN;
  const x = start.x + STOP_AT + 6 + width / 2;
  return [-10, 10, 0].map((by) => ({ at: { x, y: start.y + by * scale }, isOnLine: false }));
}

function touches({ x, y, width, height }: Box, points: readonly Point[]): boolean {
  return points.some((it) => it.x >= x && it.x <= x + width && it.y >= y && it.y <= y + height);
}

function boxOf(text: string, at: Point, scale: number): Box {
  const [width, height] = [(text.length * CHARACTER + 8) * scale, HEIGHT * scale];
  return { x: at.x - width / 2, y: at.y - height / 2, width, height };
}

function spotsOf(points: readonly Point[], piece: Point[], width: number, scale: number): Spot[] {
  const [start, end] = [piece[0], piece.at(-1)];
  const isLong = start !== undefined && end !== undefined && distance(start, end) > width + 24;
  const onLine = isLong ? SHARES.map((share) => ({ at: along(piece, share), isOnLine: true })) : [];
  const beside = SHARES.flatMap((share) => {
    const { x, y } = along(points, share);
    return [-BESIDE, BESIDE].map((by) => ({ at: { x, y: y + by * scale }, isOnLine: false }));
  });
  // Beside a steep piece words go to its right.
  const right = SHARES.map((share) => {
    const { x, y } = along(points, share);
    return { at: { x: x + width / 2 + 4, y }, isOnLine: false };
  });
  return [...onLine, ...beside, ...right];
}

/** The longest run of points at one height. */
function longestLevel(points: readonly Point[]): Point[] {
  let [best, run]: [Point[], Point[]] = [[], []];
  const length = (of: Point[]): number => Math.abs((of.at(-1)?.x ?? 0) - (of[0]?.x ?? 0));
  for (const point of points) {
    const last = run.at(-1);
    if (last !== undefined && Math.abs(last.y - point.y) < 0.5) run.push(point);
    else run = [point];
    if (length(run) > length(best)) best = [...run];
  }
  return best;
}

/** What words keep off: cards, and the names and rates in the heads of groups. */
export function keptFree(cards: Iterable<Box>, groups: Iterable<Box>): Box[] {
  return [...[...cards].map((it) => grow(it, 2)), ...[...groups].map((it) => ({ ...it, height: 30 }))];
}
