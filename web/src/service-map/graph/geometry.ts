/** Curves, widths and boxes: plain arithmetic, in map units. */

export interface Point {
  x: number;
  y: number;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A path of cubic Béziers: a start, then triples (two control points and an end). */
export type Curve = readonly Point[];

const THINNEST = 1.25;
const THICKEST = 8;

/** Line width for a rate in 1/s: 1.25 px at 1/s or less, growing by 1.55 a decade, at most 8 px. */
export function widthOf(rate: number): number {
  const width = THINNEST * 1.55 ** Math.log10(Math.max(rate, 1));
  return Math.min(THICKEST, Math.max(THINNEST, width));
}

/** A smooth turn between two points that leaves and arrives level. */
export function turn(from: Point, to: Point): Curve {
  const x = (from.x + to.x) / 2;
  return [from, { x, y: from.y }, { x, y: to.y }, to];
}

/** A straight piece, as a curve. */
export function straight(from: Point, to: Point): Curve {
  return [from, from, to, to];
}

/** Pieces that begin where the one before ends, as one curve. */
export function joined(pieces: readonly Curve[]): Curve {
  return pieces.flatMap((piece, i) => (i === 0 ? piece : piece.slice(1)));
}

export function pointAt(curve: Curve, segment: number, t: number): Point {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => curve[segment * 3 + i]) as [Point, Point, Point, Point];
  const u = 1 - t;
  const mix = (k: 'x' | 'y'): number =>
    u * u * u * a[k] + 3 * u * u * t * b[k] + 3 * u * t * t * c[k] + t * t * t * d[k];
  return { x: mix('x'), y: mix('y') };
}

export const segmentsOf = (curve: Curve): number => Math.floor((curve.length - 1) / 3);

/** Points along the curve, `per` a segment, ends included. */
export function sample(curve: Curve, per = 12): Point[] {
  const points: Point[] = [];
  const segments = segmentsOf(curve);
  for (let s = 0; s < segments; s++) for (let i = 0; i < per; i++) points.push(pointAt(curve, s, i / per));
  const last = curve.at(-1);
  if (last !== undefined) points.push(last);
  return points;
}

/** The point `share` (0 to 1) of the way along sampled points, by length. */
export function along(points: readonly Point[], share: number): Point {
  const lengths = points.slice(1).map((p, i) => distance(p, points[i] as Point));
  let left = lengths.reduce((sum, it) => sum + it, 0) * share;
  for (const [i, length] of lengths.entries()) {
    const [a, b] = [points[i] as Point, points[i + 1] as Point];
    if (left <= length && length > 0) {
      const t = left / length;
      return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
    }
    left -= length;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Shortest distance from a point to sampled points joined by straight pieces. */
export function distanceTo(points: readonly Point[], p: Point): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i] as Point, points[i + 1] as Point];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = dx * dx + dy * dy;
    const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length));
    best = Math.min(best, distance(p, { x: a.x + t * dx, y: a.y + t * dy }));
  }
  return best;
}

export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** The smallest box around all, null if there are none. */
export function around(boxes: Iterable<Box>): Box | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const it of boxes) {
    left = Math.min(left, it.x);
    top = Math.min(top, it.y);
    right = Math.max(right, it.x + it.width);
    bottom = Math.max(bottom, it.y + it.height);
  }
  return left === Infinity ? null : { x: left, y: top, width: right - left, height: bottom - top };
}

export function grow(box: Box, by: number): Box {
  return { x: box.x - by, y: box.y - by, width: box.width + 2 * by, height: box.height + 2 * by };
}
