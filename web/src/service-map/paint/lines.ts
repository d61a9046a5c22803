/** Traffic as lines: where they run, how wide and in which colour they are. Their ends are drawn by ends.ts. */
import { FAILING_BADLY, isFailing } from '../../words/edge-l7.ts';
import { latencyToken } from '../colours.ts';
import type { Bundle } from '../graph/bundle.ts';
import { type Box, type Point, widthOf } from '../graph/geometry.ts';
import type { Route } from '../graph/route.ts';
import type { Look } from '../scene.ts';
import { paintArrow, paintRing, paintStoppedHere, paintStoppedThere, paintTicks, trace } from './ends.ts';

const HALO = { width: 11, opacity: 0.18 };
/** Bundles cross cards, which stay readable under them. */
const BUNDLE_OPACITY = 0.4;
const STUB = 28;
const THINNEST_DROP = 1.4;

export function paintBundle(ctx: CanvasRenderingContext2D, bundle: Bundle, { colours, camera }: Look): void {
  ctx.save();
  ctx.globalAlpha = BUNDLE_OPACITY;
  ctx.strokeStyle = colours.edge;
  // A bundle is read from afar: its width is one of the screen.
  ctx.lineWidth = widthOf(bundle.rate) / Math.min(1, 2.5 * camera.k);
  trace(ctx, bundle.curve);
  ctx.stroke();
  ctx.restore();
}

export function paintHalo(ctx: CanvasRenderingContext2D, { curve }: Route, { colours }: Look): void {
  ctx.save();
  ctx.globalAlpha = HALO.opacity;
  ctx.strokeStyle = colours.accent;
  ctx.lineWidth = HALO.width;
  ctx.lineCap = 'round';
  trace(ctx, curve);
  ctx.stroke();
  ctx.restore();
}

/** `view` in map units. An edge with one end in view is a stub: the rest would be a line across the picture to nowhere. */
export function paintLine(ctx: CanvasRenderingContext2D, route: Route, view: Box, look: Look): void {
  const { line, curve, points } = route;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return;
  ctx.strokeStyle = colourOf(route, look);
  ctx.fillStyle = ctx.strokeStyle;
  const width = widthOf(line.rate);
  if (line.end === 'dropped') {
    ctx.lineWidth = Math.max(THINNEST_DROP, width);
    if (line.stop === 'source') paintStoppedHere(ctx, first, curve, look);
    else paintStoppedThere(ctx, last, curve, look);
    return;
  }
  const isMarked = line.edge.id === look.selectedId || line.edge.id === look.hoveredId;
  const [startIn, endIn] = [contains(view, first), contains(view, last)];
  if (!isMarked && !startIn && !endIn) return;
  ctx.lineWidth = width;
  const isSilent = line.end === 'unanswered';
  if (isSilent) {
    ctx.strokeStyle = look.colours['ink-3'];
    ctx.lineWidth = 1.5;
    ctx.lineCap = 'round';
    ctx.setLineDash([1.5, 4]);
  }
  if (isMarked || (startIn && endIn)) trace(ctx, curve);
  else traceStub(ctx, startIn ? first : last, startIn ? STUB : -STUB);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineCap = 'butt';
  if (isSilent) paintRing(ctx, last, look);
  else if (endIn || isMarked) {
    paintArrow(ctx, route, width);
    if ((line.edge.l7?.error_share ?? 0) >= FAILING_BADLY) paintTicks(ctx, last, width, look);
  }
}

function colourOf({ line }: Route, { colours, colour, selectedId, hoveredId }: Look): string {
  if (line.end === 'dropped') return colours.drop;
  if (line.edge.id === selectedId) return colours.accent;
  const p95 = line.edge.l7?.p95_ns ?? line.edge.rtt?.p95_ns ?? null;
  if (colour === 'latency' && p95 !== null) return colours[latencyToken(p95)];
  if (colour === 'verdict' && isFailing(line.edge.l7)) return colours.error;
  const isOfHovered = hoveredId === line.source || hoveredId === line.target;
  return isOfHovered || line.edge.id === hoveredId ? colours['ink-2'] : colours.edge;
}

const contains = (box: Box, { x, y }: Point): boolean =>
  x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;

/** The piece at the end that is in view; lines leave and arrive level. */
function traceStub(ctx: CanvasRenderingContext2D, { x, y }: Point, by: number): void {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + by, y);
}
