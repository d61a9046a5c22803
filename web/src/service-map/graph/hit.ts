/** Which line is under the pointer: lines in the cells of a grid, so that a look costs a few of them. */
import { type Box, distance, distanceTo, grow, type Point } from './geometry.ts';
import type { Route, Shape } from './route.ts';

const CELL = 96;
const SPAN = 1e6;
const LOOKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** Lines that are drawn now, by id; what a fold hides is not hit. */
export type Drawn = ReadonlyMap<string, Route>;

export class HitGrid {
  readonly #shapes: ReadonlyMap<string, Shape>;
  /** Made at the first look: a map is seen before it is pointed at. */
  #cells: Map<number, string[]> | null = null;

  constructor(shapes: ReadonlyMap<string, Shape>) {
    this.#shapes = shapes;
  }

  /** Whether a line other than `except` runs through a box, which is looked at along its middle. */
  crosses(box: Box, except: string, drawn: Drawn): boolean {
    const y = box.y + box.height / 2;
    return this.#near(box, drawn).some(
      ({ line, points }) =>
        line.id !== except &&
        LOOKS.some((share) => distanceTo(points, { x: box.x + share * box.width, y }) < box.height / 2),
    );
  }

  /** The line nearest to a point, at most `within` map units away. */
  at(point: Point, within: number, drawn: Drawn): Route | null {
    let best: Route | null = null;
    let least = within;
    const box = { x: point.x - within, y: point.y - within, width: 2 * within, height: 2 * within };
    for (const route of this.#near(box, drawn)) {
      const away = distanceTo(route.points, point);
      if (away <= least) [best, least] = [route, away];
    }
    return best;
  }

  #near(box: Box, drawn: Drawn): Route[] {
    const cells = (this.#cells ??= cellsOfAll(this.#shapes));
    const ids = new Set(cellsOf(grow(box, CELL / 4)).flatMap((key) => cells.get(key) ?? []));
    return [...ids].flatMap((id) => drawn.get(id) ?? []);
  }
}

function cellsOfAll(shapes: ReadonlyMap<string, Shape>): Map<number, string[]> {
  const cells = new Map<number, string[]>();
  for (const [id, { points }] of shapes) {
    for (let i = 0; i + 1 < points.length; i++) add(cells, id, points[i] as Point, points[i + 1] as Point);
  }
  return cells;
}

/** Steps of half a cell: a line that cuts the corner of a cell is found from the cell beside it. */
function add(cells: Map<number, string[]>, id: string, a: Point, b: Point): void {
  const steps = Math.ceil(distance(a, b) / (CELL / 2));
  for (let i = 0; i <= steps; i++) {
    const t = steps === 0 ? 0 : i / steps;
    const key = keyOf(Math.floor((a.x + (b.x - a.x) * t) / CELL), Math.floor((a.y + (b.y - a.y) * t) / CELL));
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [id]);
    else if (cell.at(-1) !== id) cell.push(id);
  }
}

/** One number for a cell; cells are far fewer than SPAN either way. */
const keyOf = (i: number, j: number): number => i * SPAN + j;

function cellsOf({ x, y, width, height }: Box): number[] {
  const keys: number[] = [];
  for (let i = Math.floor(x / CELL); i <= Math.floor((x + width) / CELL); i++) {
    for (let j = Math.floor(y / CELL); j <= Math.floor((y + height) / CELL); j++) keys.push(keyOf(i, j));
  }
  return keys;
}
