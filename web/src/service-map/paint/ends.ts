/**
 * Where a line ends is what happened: an arrow arrived, a red bar was stopped there (dotted on to the target it
 * never reached), a ring got no answer.
 */
import type { Curve, Point } from '../graph/geometry.ts';
import { type Route, STOP_AT } from '../graph/route.ts';
import type { Look } from '../scene.ts';

const BAR = { length: 14, width: 3.5 };
/** From the end of a line to the tip of its arrow: up to the port's dot. */
const TIP = 6;
/** From the end of a line to strokes across it. */
const TICKS = [3, 7, 11];

export function trace(ctx: CanvasRenderingContext2D, curve: Curve): void {
  const [start] = curve;
  if (start === undefined) return;
  ctx.beginPath();
  ctx.moveTo(start.x, start.y);
  for (let i = 1; i + 2 < curve.length; i += 3) {
    const [a, b, c] = [curve[i], curve[i + 1], curve[i + 2]] as [Point, Point, Point];
    ctx.bezierCurveTo(a.x, a.y, b.x, b.y, c.x, c.y);
  }
}

export function paintArrow(ctx: CanvasRenderingContext2D, { line, points }: Route, width: number): void {
  const at = points.at(-1) as Point;
  const before = points.at(-2) ?? at;
  const [length, half] = [5.8 + 0.65 * width, 2.9 + 0.6 * width];
  ctx.save();
  ctx.translate(at.x, at.y);
  // Into a port lines run level; only a loop comes in at an angle.
  if (line.source === line.target) ctx.rotate(Math.atan2(at.y - before.y, at.x - before.x));
  ctx.beginPath();
  ctx.moveTo(TIP, 0);
  ctx.lineTo(TIP - length, -half);
  ctx.lineTo(TIP - length, half);
  ctx.fill();
  ctx.restore();
}

/** Three strokes across a line before its arrow: many of its requests fail. */
export function paintTicks(ctx: CanvasRenderingContext2D, at: Point, width: number, { colours }: Look): void {
  const half = 3.5 + width / 2;
  ctx.beginPath();
  for (const by of TICKS) {
    ctx.moveTo(at.x - by - width, at.y - half);
    ctx.lineTo(at.x - by - width, at.y + half);
  }
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = colours.error;
  ctx.stroke();
}

export function paintRing(ctx: CanvasRenderingContext2D, at: Point, { colours }: Look): void {
  ctx.beginPath();
  ctx.arc(at.x, at.y, BAR.width, 0, Math.PI * 2);
  ctx.fillStyle = colours.canvas;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = colours['ink-3'];
  ctx.stroke();
}

/** Bars are as large on the screen as at scale 1 when the map is small: one of them is found at once. */
function paintBar(ctx: CanvasRenderingContext2D, { x, y }: Point, { camera, detail }: Look): void {
  const size = detail === 'far' ? 1 / camera.k : 1;
  const [width, length] = [BAR.width * size, BAR.length * size];
  ctx.fillRect(x - width / 2, y - length / 2, width, length);
}

/** Stopped at its target. */
export function paintStoppedThere(ctx: CanvasRenderingContext2D, last: Point, curve: Curve, look: Look): void {
  trace(ctx, curve);
  ctx.stroke();
  paintBar(ctx, last, look);
}

/** Stopped at its source, with the way it never went. */
export function paintStoppedHere(ctx: CanvasRenderingContext2D, first: Point, curve: Curve, look: Look): void {
  const bar = { x: first.x + STOP_AT, y: first.y };
  ctx.beginPath();
  ctx.moveTo(first.x, first.y);
  ctx.lineTo(bar.x, bar.y);
  ctx.stroke();
  paintBar(ctx, bar, look);
  ctx.save();
  ctx.strokeStyle = look.colours.control;
  ctx.lineWidth = 1;
  ctx.lineCap = 'round';
  ctx.setLineDash([1, 4]);
  // All but the piece in front of the bar.
  ctx.beginPath();
  ctx.rect(-1e6, -1e6, 2e6, 2e6);
  ctx.rect(first.x - 1, first.y - 3, STOP_AT + 5, 6);
  ctx.clip('evenodd');
  trace(ctx, curve);
  const last = curve.at(-1) ?? bar;
  ctx.lineTo(last.x + TIP, last.y);
  ctx.stroke();
  ctx.restore();
}
