/** Lines -> curves: elk's route where it still fits its two ends, otherwise a plain curve between them. */
import { type Box, type Curve, distance, type Point, sample, sideToSide } from './geometry.ts';
import { endsOf, isBelow, type Layout } from './layout.ts';
import type { Graph, Line } from './model.ts';

export interface Route {
  line: Line;
  curve: Curve;
  /** The curve as points, for hit tests and labels. */
  points: Point[];
}

const FITS = 12;

/** Space between two lines where they leave a card, at most. */
const SPREAD = 15;
const CARD_EDGE = 10;

/** The drawn lines. `folded`: nodes whose edges are hidden, all but drops. */
export function routesOf(graph: Graph, layout: Layout, folded: ReadonlySet<string>): Route[] {
  const routes: Route[] = [];
  for (const line of graph.lines) {
    if (line.end !== 'dropped' && (folded.has(line.source) || folded.has(line.target))) continue;
    const ends = endsOf(line, graph, layout.boxes);
    if (ends === null) continue;
    const known = layout.routes.get(line.id);
    const curve = known !== undefined && fits(known, ends) ? known : plain(line, graph, layout.boxes, ends);
    routes.push({ line, curve, points: [] });
  }
  spread(routes, layout.boxes);
  return routes.map((it) => ({ ...it, points: sample(it.curve) }));
}

/** Lines that leave a card at one point get points of their own, in the order of where they go. */
function spread(routes: Route[], boxes: ReadonlyMap<string, Box>): void {
  const bySource = new Map<string, Route[]>();
  for (const route of routes) {
    const box = boxes.get(route.line.source);
    const start = route.curve[0];
    if (box === undefined || start === undefined || Math.abs(start.x - (box.x + box.width)) > 1) continue;
    bySource.set(route.line.source, [...(bySource.get(route.line.source) ?? []), route]);
  }
  for (const [source, own] of bySource) {
    const height = (boxes.get(source)?.height ?? 0) - 2 * CARD_EDGE;
    const step = Math.min(SPREAD, height / Math.max(1, own.length - 1));
    const sorted = own.toSorted((a, b) => (a.curve.at(-1)?.y ?? 0) - (b.curve.at(-1)?.y ?? 0));
    for (const [i, route] of sorted.entries()) {
      const by = (i - (sorted.length - 1) / 2) * step;
      route.curve = route.curve.map((p, at) => (at < 2 ? { x: p.x, y: p.y + by } : p));
    }
  }
}

function fits(curve: Curve, ends: { from: Point; to: Point }): boolean {
  const [first, last] = [curve[0], curve.at(-1)];
  return (
    first !== undefined && last !== undefined && distance(first, ends.from) < FITS && distance(last, ends.to) < FITS
  );
}

function plain(line: Line, graph: Graph, boxes: ReadonlyMap<string, Box>, ends: { from: Point; to: Point }): Curve {
  if (line.source === line.target) {
    const { from } = ends;
    return [
      from,
      { x: from.x + 56, y: from.y - 36 },
      { x: from.x + 56, y: from.y + 36 },
      { x: from.x, y: from.y + 12 },
    ];
  }
  const [source, target] = [graph.nodes.get(line.source), graph.nodes.get(line.target)];
  const box = boxes.get(line.source);
  if (source !== undefined && target !== undefined && box !== undefined && isBelow(target) !== isBelow(source)) {
    // Up or down: leave at the near edge, so that the line does not cross its own row of cards.
    const isDown = isBelow(target);
    const from = { x: box.x + box.width / 2, y: isDown ? box.y + box.height : box.y };
    const reach = Math.max(40, Math.abs(ends.to.y - from.y) / 2);
    return [from, { x: from.x, y: from.y + (isDown ? reach : -reach) }, { x: ends.to.x - 70, y: ends.to.y }, ends.to];
  }
  return sideToSide(ends.from, ends.to);
}
