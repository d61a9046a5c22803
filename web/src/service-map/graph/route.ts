/** Lines -> curves that run behind no card, with the points where they leave and arrive. */
import { around, type Box, type Curve, grow, joined, type Point, sample, straight, turn } from './geometry.ts';
import type { Places } from './groups.ts';
import { exitsOf } from './exits.ts';
import { findWay, type Lane, type Request, type Surroundings, type Way, wayAlong } from './lanes.ts';
import type { Graph, Line } from './model.ts';
import { EXIT, rowMiddle } from './size.ts';

export interface Shape {
  curve: Curve;
  /** The curve as points, for hit tests and labels. */
  points: Point[];
  /** Around the points. */
  bounds: Box;
}

export interface Route extends Shape {
  line: Line;
}

/** Beyond this many lines nobody follows a single one; they are drawn without looking for lanes. */
export const MANY_LINES = 400;
/** The line ends before the port's dot; what was stopped at the target ends below it. */
const BEFORE_PORT = 10;
const BELOW_PORT = 16;
const LOWEST = 5;
/** What is stopped at its source goes straight until its bar. */
export const STOP_AT = 20;
const HEADING = 32;
const SAMPLES = { few: 12, many: 6 };

/** Shapes by line id. They depend on places and on what there is, not on rates. */
export function shapesOf(graph: Graph, places: Places, groups: ReadonlyMap<string, Box>): Map<string, Shape> {
  const lines = graph.lines.filter((it) => places.has(it.source) && places.has(it.target));
  const isMany = lines.length > MANY_LINES;
  const shapes = new Map<string, Shape>();
  for (const [id, curve] of isMany ? plainCurves(lines, graph, places) : laneCurves(lines, graph, places, groups)) {
    const points = sample(curve, isMany ? SAMPLES.many : SAMPLES.few);
    const bounds = around(points.map(({ x, y }) => ({ x, y, width: 0, height: 0 })));
    if (bounds !== null) shapes.set(id, { curve, points, bounds: grow(bounds, 10) });
  }
  return shapes;
}

/** The drawn lines. `folded`: nodes whose edges are hidden, all but drops. Exceptions last, so that they lie on top. */
export function routesOf(graph: Graph, shapes: ReadonlyMap<string, Shape>, folded: ReadonlySet<string>): Route[] {
  const ends: Record<Line['end'], Route[]> = { forwarded: [], unanswered: [], dropped: [] };
  for (const line of graph.lines) {
    const shape = shapes.get(line.id);
    const isHidden = line.end !== 'dropped' && (folded.has(line.source) || folded.has(line.target));
    if (shape === undefined || isHidden) continue;
    ends[line.end].push({ line, curve: shape.curve, points: shape.points, bounds: shape.bounds });
  }
  return [...ends.forwarded, ...ends.unanswered, ...ends.dropped];
}

/** Where a line leaves, `exit` below the top of its card, and where it arrives. */
function requestOf(line: Line, graph: Graph, places: Places, exit: number): Request {
  const [a, b] = [places.get(line.source) as Box, places.get(line.target) as Box];
  const target = graph.nodes.get(line.target);
  const row = target === undefined ? EXIT : rowMiddle(target, line.portKey);
  const isStoppedThere = line.end === 'dropped' && line.stop === 'target';
  const isStoppedHere = line.end === 'dropped' && line.stop === 'source';
  return {
    source: line.source,
    targetNode: line.target,
    target: `${line.target}<${line.portKey}`,
    kind: line.end,
    from: { x: a.x + a.width + (isStoppedHere ? STOP_AT + 4 : 0), y: a.y + exit },
    to: { x: b.x - BEFORE_PORT, y: b.y + (isStoppedThere ? Math.min(row + BELOW_PORT, b.height - LOWEST) : row) },
  };
}

/** The line from where the card ends to where its way begins. */
function withStart(line: Line, places: Places, way: Curve): Curve {
  const [start, box] = [way[0], places.get(line.source)];
  if (start === undefined || box === undefined || start.x === box.x + box.width) return way;
  return joined([straight({ x: box.x + box.width, y: start.y }, start), way]);
}

function plainCurves(lines: readonly Line[], graph: Graph, places: Places): Map<string, Curve> {
  const found = new Map<string, Curve>();
  for (const line of lines) {
    const request = requestOf(line, graph, places, EXIT);
    found.set(line.id, line.source === line.target ? loop(request) : withStart(line, places, plain(request)));
  }
  return found;
}

/** A curve that minds nothing. */
function plain({ from, to }: Request): Curve {
  const reach = to.x - from.x;
  if (reach > 0) return turn(from, to);
  const by = Math.min(160, 60 - reach / 4);
  return [from, { x: from.x + by, y: from.y }, { x: to.x - by, y: to.y }, to];
}

/** To itself: out at the right side and back to it. */
function loop({ from }: Request): Curve {
  const to = { x: from.x + 8, y: from.y + 12 };
  return [from, { x: from.x + 46, y: from.y - 22 }, { x: from.x + 46, y: from.y + 26 }, to];
}

function laneCurves(
  lines: readonly Line[],
  graph: Graph,
  places: Places,
  groups: ReadonlyMap<string, Box>,
): Map<string, Curve> {
  const found = new Map<string, Curve>();
  const ways = new Map<Line, Way | null>();
  const lanes: Lane[] = [];
  const boxes = [...groups.values()];
  const surroundings: Surroundings = {
    cards: [...places].map(([id, box]) => ({ id, box })),
    headings: boxes.map((it) => ({ ...it, height: HEADING })),
    groups: boxes,
    lanes,
  };
  const requests = new Map(lines.map((line) => [line, requestOf(line, graph, places, EXIT)]));
  const span = ({ from, to }: Request): number => Math.abs(to.x - from.x) + Math.abs(to.y - from.y);
  // Short lines have least choice: they go first.
  for (const [line, request] of [...requests].toSorted(
    ([p, a], [q, b]) => span(a) - span(b) || (p.id < q.id ? -1 : 1),
  )) {
    if (line.source === line.target) found.set(line.id, loop(request));
    else {
      const way = findWay(request, surroundings);
      if (way !== null) lanes.push(way.lane);
      ways.set(line, way);
    }
  }
  for (const [line, exit] of exitsOf(ways, requests, places)) {
    const request = requestOf(line, graph, places, exit);
    const lane = ways.get(line)?.lane.y;
    // Level with the exit before is level with the exit now.
    const y = lane === requests.get(line)?.from.y ? request.from.y : lane;
    found.set(line.id, withStart(line, places, y === undefined ? plain(request) : wayAlong(request, y)));
  }
  return found;
}
