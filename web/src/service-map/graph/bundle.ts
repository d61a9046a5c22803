/** Many lines between two groups are one line, with the sum of their rates. Exceptions stay single. */
import { type Box, type Curve, type Point, turn } from './geometry.ts';
import type { Graph } from './model.ts';
import type { Route } from './route.ts';

export interface Bundle {
  curve: Curve;
  /** Packets per second of all its lines. */
  rate: number;
  /** Ids of its lines. */
  lines: Set<string>;
}

/** Two groups with more lines than this are joined by a bundle at every level. */
export const MANY_BETWEEN = 24;

/** One bundle for each pair of groups with lines between them. */
export function bundlesOf(graph: Graph, routes: readonly Route[], groups: ReadonlyMap<string, Box>): Bundle[] {
  const bundles = new Map<string, Bundle>();
  for (const { line } of routes) {
    const from = graph.nodes.get(line.source)?.group ?? null;
    const to = graph.nodes.get(line.target)?.group ?? null;
    if (line.end !== 'forwarded' || from === null || to === null || from === to) continue;
    const [a, b] = [groups.get(from), groups.get(to)];
    if (a === undefined || b === undefined) continue;
    const key = `${from}>${to}`;
    const bundle = bundles.get(key) ?? { curve: between(a, b), rate: 0, lines: new Set() };
    bundle.rate += line.rate;
    bundle.lines.add(line.id);
    bundles.set(key, bundle);
  }
  return [...bundles.values()];
}

/** From the side of one box to the facing side of the other. */
function between(a: Box, b: Box): Curve {
  const middle = (box: Box): number => box.y + box.height / 2;
  if (b.x >= a.x + a.width) return turn({ x: a.x + a.width, y: middle(a) }, { x: b.x, y: middle(b) });
  if (a.x >= b.x + b.width) return turn({ x: a.x, y: middle(a) }, { x: b.x + b.width, y: middle(b) });
  const isDown = middle(b) > middle(a);
  const from: Point = { x: a.x + a.width / 2, y: isDown ? a.y + a.height : a.y };
  const to: Point = { x: b.x + b.width / 2, y: isDown ? b.y : b.y + b.height };
  const y = (from.y + to.y) / 2;
  return [from, { x: from.x, y }, { x: to.x, y }, to];
}
