/**
 * Draws groups, lines, labels and, at far and middle scale, nodes on one opaque canvas. Lines come in three
 * ends: an arrow (arrived), a red bar (stopped there, dotted on to the target it never reached), a ring (no
 * answer). Nothing here keeps state.
 */
import { rate } from '../words/numbers.ts';
import { type Colours, latencyToken } from './colours.ts';
import type { ColourMode } from './contract.ts';
import { along, type Box, type Curve, overlap, type Point, widthOf } from './graph/geometry.ts';
import type { Label } from './graph/labels.ts';
import type { Graph, GraphNode } from './graph/model.ts';
import type { Route } from './graph/route.ts';
import type { Camera } from './zoom-adapter.ts';

export type Detail = 'far' | 'middle' | 'near';

export interface Scene {
  graph: Graph;
  boxes: ReadonlyMap<string, Box>;
  groups: ReadonlyMap<string, Box>;
  routes: readonly Route[];
  labels: readonly Label[];
}

export interface Look {
  camera: Camera;
  detail: Detail;
  colours: Colours;
  colour: ColourMode;
  selectedId: string | null;
  hoveredId: string | null;
  /** Node id -> edges hidden by its fold. */
  foldedEdges: ReadonlyMap<string, number>;
}

const FONT = 'Inter, ui-sans-serif, system-ui, sans-serif';
const BAR_LENGTH = 14;
const BAR_WIDTH = 3.5;
/** A bar at the source stands this far from the card. */
const BAR_DISTANCE = 20;
const STUB = 28;

export function paint(ctx: CanvasRenderingContext2D, width: number, height: number, scene: Scene, look: Look): void {
  const { camera, colours } = look;
  const ratio = window.devicePixelRatio;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = colours.canvas;
  ctx.fillRect(0, 0, width, height);
  ctx.setTransform(ratio * camera.k, 0, 0, ratio * camera.k, ratio * camera.x, ratio * camera.y);
  const view = { x: -camera.x / camera.k, y: -camera.y / camera.k, width: width / camera.k, height: height / camera.k };
  for (const [name, box] of scene.groups) if (overlap(view, box)) paintGroup(ctx, name, box, scene, look);
  const selected = scene.routes.find((it) => it.line.edge.id === look.selectedId && it.line.end !== 'dropped');
  for (const route of scene.routes) if (isShown(route, view)) paintLine(ctx, route, route === selected, view, look);
  paintFolds(ctx, scene, look);
  if (look.detail !== 'near') {
    for (const node of scene.graph.nodes.values()) {
      const box = scene.boxes.get(node.id);
      if (box !== undefined && overlap(view, box)) paintNode(ctx, node, box, look);
    }
  }
  if (look.detail !== 'far') for (const label of scene.labels) paintLabel(ctx, label, look);
}

function paintGroup(ctx: CanvasRenderingContext2D, name: string, box: Box, scene: Scene, look: Look): void {
  const { colours, detail, camera } = look;
  ctx.fillStyle = colours.group;
  ctx.beginPath();
  ctx.roundRect(box.x, box.y, box.width, box.height, 9);
  ctx.fill();
  const group = scene.graph.groups.get(name);
  if (group === undefined) return;
  // Names stay legible when the picture is small.
  const size = detail === 'near' ? 13 : Math.min(40, 12 / camera.k);
  const y = box.y + 20;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.font = `600 ${size}px ${FONT}`;
  ctx.fillStyle = colours.ink;
  ctx.fillText(name, box.x + 14, y);
  if (detail !== 'near') return;
  const x = box.x + 14 + ctx.measureText(name).width + 8;
  ctx.font = `400 11px ${FONT}`;
  ctx.fillStyle = colours['ink-3'];
  const short = `${group.pods} ${group.pods === 1 ? 'pod' : 'pods'}`;
  const long = `${group.nodeIds.length} ${group.nodeIds.length === 1 ? 'workload' : 'workloads'}, ${short}`;
  const rates = [`in ${rate(group.in)}`, `out ${rate(group.out)}`];
  const drops = group.dropped > 0 ? `dropped ${rate(group.dropped)}` : '';
  const right = box.x + box.width - 14;
  const free = right - x;
  const needed = ctx.measureText(`${rates.join('   ')}   ${drops}`).width + 16;
  const text = ctx.measureText(long).width + needed < free ? long : short;
  const hasRoom = ctx.measureText(text).width + needed < free;
  if (ctx.measureText(text).width < free) ctx.fillText(text, x, y);
  ctx.textAlign = 'right';
  let end = right;
  if (drops !== '' && (hasRoom || ctx.measureText(text + drops).width + 20 < free)) {
    ctx.fillStyle = colours.drop;
    ctx.font = `500 11px ${FONT}`;
    ctx.fillText(drops, end, y);
    end -= ctx.measureText(drops).width + 10;
  }
  if (!hasRoom) return;
  ctx.font = `400 11px ${FONT}`;
  ctx.fillStyle = colours['ink-2'];
  for (const text of rates.toReversed()) {
    ctx.fillText(text, end, y);
    end -= ctx.measureText(text).width + 10;
  }
}

function isShown(route: Route, view: Box): boolean {
  const box = boundsOf(route.points);
  return overlap(view, box);
}

function boundsOf(points: readonly Point[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}

const contains = (box: Box, { x, y }: Point): boolean =>
  x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;

function trace(ctx: CanvasRenderingContext2D, curve: Curve): void {
  const [start] = curve;
  if (start === undefined) return;
  ctx.beginPath();
  ctx.moveTo(start.x, start.y);
  for (let i = 1; i + 2 < curve.length; i += 3) {
    const [a, b, c] = [curve[i], curve[i + 1], curve[i + 2]] as [Point, Point, Point];
    ctx.bezierCurveTo(a.x, a.y, b.x, b.y, c.x, c.y);
  }
}

function tracePoints(ctx: CanvasRenderingContext2D, points: readonly Point[]): void {
  ctx.beginPath();
  for (const [i, { x, y }] of points.entries()) {
    if (i === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  }
}

function colourOf({ line }: Route, { colours, colour }: Look): string {
  if (line.end === 'dropped') return colours.drop;
  if (colour === 'latency' && line.edge.rtt !== null) return colours[latencyToken(line.edge.rtt.p95_ns)];
  return colours.edge;
}

function paintLine(ctx: CanvasRenderingContext2D, route: Route, isSelected: boolean, view: Box, look: Look): void {
  const { line, curve, points } = route;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return;
  const { colours } = look;
  const isMarked = line.edge.id === look.selectedId || line.edge.id === look.hoveredId;
  const width = widthOf(line.rate);
  ctx.lineCap = 'butt';
  ctx.lineJoin = 'round';
  if (isMarked) {
    ctx.strokeStyle = colours['accent-tint'];
    ctx.lineWidth = width + 11;
    ctx.setLineDash([]);
    trace(ctx, curve);
    ctx.stroke();
  }
  ctx.strokeStyle = isSelected ? colours.accent : colourOf(route, look);
  ctx.fillStyle = ctx.strokeStyle;
  ctx.lineWidth = line.end === 'dropped' ? Math.max(1.5, Math.min(width, 3)) : width;
  if (line.end === 'dropped') {
    paintDrop(ctx, points, line.stop, look);
    return;
  }
  // An edge with only one end in view is a stub: the rest would be a line across the picture to nowhere.
  const [startIn, endIn] = [contains(view, first), contains(view, last)];
  if (!isMarked && !(startIn && endIn)) {
    if (!startIn && !endIn) return;
    ctx.setLineDash([STUB, 1e6]);
    tracePoints(ctx, startIn ? points : points.toReversed());
    ctx.stroke();
    ctx.setLineDash([]);
    if (endIn) paintArrow(ctx, points, width);
    return;
  }
  ctx.setLineDash(line.end === 'unanswered' ? [2, 4] : []);
  trace(ctx, curve);
  ctx.stroke();
  ctx.setLineDash([]);
  if (line.end === 'unanswered') paintRing(ctx, last, look);
  else paintArrow(ctx, points, width);
}

/** Direction in which the points arrive, radians. */
function heading(points: readonly Point[]): number {
  const last = points.at(-1) as Point;
  const before = points.findLast((it) => Math.hypot(it.x - last.x, it.y - last.y) > 6) ?? (points[0] as Point);
  return Math.atan2(last.y - before.y, last.x - before.x);
}

function paintArrow(ctx: CanvasRenderingContext2D, points: readonly Point[], width: number): void {
  const at = points.at(-1) as Point;
  const length = 7 + width;
  ctx.save();
  ctx.translate(at.x, at.y);
  ctx.rotate(heading(points));
  ctx.beginPath();
  ctx.moveTo(0, 0);
  ctx.lineTo(-length, -length * 0.5);
  ctx.lineTo(-length, length * 0.5);
  ctx.fill();
  ctx.restore();
}

function paintRing(ctx: CanvasRenderingContext2D, at: Point, { colours }: Look): void {
  ctx.beginPath();
  ctx.arc(at.x - 4, at.y, 4, 0, Math.PI * 2);
  ctx.fillStyle = colours.canvas;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

function paintDrop(
  ctx: CanvasRenderingContext2D,
  points: readonly Point[],
  stop: 'source' | 'target',
  look: Look,
): void {
  const lengths = points.slice(1).map((p, i) => Math.hypot(p.x - (points[i] as Point).x, p.y - (points[i] as Point).y));
  const total = lengths.reduce((sum, it) => sum + it, 0);
  const share =
    total === 0 ? 0 : stop === 'source' ? Math.min(0.5, BAR_DISTANCE / total) : Math.max(0.5, 1 - 8 / total);
  const bar = along(points, share);
  const ahead = along(points, Math.min(1, share + 0.02));
  const behind = along(points, Math.max(0, share - 0.02));
  ctx.setLineDash([]);
  ctx.beginPath();
  const [first] = points;
  if (first !== undefined) ctx.moveTo(first.x, first.y);
  for (let i = 1; i <= 12; i++) {
    const p = along(points, (share * i) / 12);
    ctx.lineTo(p.x, p.y);
  }
  ctx.stroke();
  const angle = Math.atan2(ahead.y - behind.y, ahead.x - behind.x);
  ctx.save();
  ctx.translate(bar.x, bar.y);
  ctx.rotate(angle);
  ctx.fillRect(0, -BAR_LENGTH / 2, BAR_WIDTH, BAR_LENGTH);
  ctx.restore();
  if (stop === 'target') return;
  // What it never reached.
  ctx.lineWidth = 1;
  ctx.setLineDash([1.5, 3]);
  ctx.beginPath();
  for (let i = 0; i <= 24; i++) {
    const p = along(points, share + ((1 - share) * i) / 24);
    if (i === 0) ctx.moveTo(p.x + BAR_WIDTH, p.y);
    else ctx.lineTo(p.x, p.y);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  const last = points.at(-1);
  if (last === undefined) return;
  ctx.beginPath();
  ctx.arc(last.x - 3, last.y, 3, 0, Math.PI * 2);
  ctx.fillStyle = look.colours.canvas;
  ctx.fill();
  ctx.stroke();
}

function paintLabel(ctx: CanvasRenderingContext2D, label: Label, { colours }: Look): void {
  ctx.font = `500 11px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 9;
  ctx.strokeStyle = colours.group;
  ctx.strokeText(label.text, label.at.x, label.at.y);
  ctx.fillStyle = label.end === 'dropped' ? colours.drop : colours['ink-2'];
  ctx.fillText(label.text, label.at.x, label.at.y);
}

/** Three strokes and a count in place of the edges of a folded node. */
function paintFolds(ctx: CanvasRenderingContext2D, scene: Scene, look: Look): void {
  ctx.strokeStyle = look.colours.edge;
  ctx.lineWidth = 1.25;
  ctx.setLineDash([]);
  for (const [id, edges] of look.foldedEdges) {
    const box = scene.boxes.get(id);
    if (box === undefined || edges === 0) continue;
    const isSource = (scene.graph.nodes.get(id)?.ports.length ?? 0) === 0;
    const x = isSource ? box.x + box.width : box.x;
    const y = box.y + (isSource ? box.height / 2 : 33 + 10);
    const way = isSource ? 1 : -1;
    for (const turn of [-8, 0, 8]) {
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.bezierCurveTo(x + way * 14, y, x + way * 14, y + turn, x + way * 26, y + turn);
      ctx.stroke();
    }
    if (look.detail !== 'near') continue;
    ctx.font = `400 11px ${FONT}`;
    ctx.fillStyle = look.colours['ink-3'];
    ctx.textBaseline = 'middle';
    ctx.textAlign = isSource ? 'left' : 'right';
    ctx.fillText(`${edges} ${edges === 1 ? 'edge' : 'edges'} folded`, x + way * 32, y);
  }
}

function paintNode(ctx: CanvasRenderingContext2D, node: GraphNode, box: Box, look: Look): void {
  const { colours } = look;
  const total = node.ports.reduce((sum, it) => sum + it.rate, 0);
  if (look.detail === 'far') {
    // 8 to 16 px on the screen, by rate.
    const size = (8 + Math.min(8, 2 * Math.log10(1 + total + node.out))) / look.camera.k;
    ctx.fillStyle = node.id === look.selectedId ? colours.accent : colours['ink-3'];
    ctx.beginPath();
    ctx.roundRect(box.x + box.width / 2 - size / 2, box.y + box.height / 2 - size / 2, size, size, size / 5);
    ctx.fill();
    return;
  }
  ctx.fillStyle = colours.panel;
  ctx.strokeStyle = node.id === look.selectedId ? colours.accent : colours['line-2'];
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(box.x, box.y + box.height / 2 - 15, box.width, 30, node.node.kind === 'World' ? 15 : 7);
  ctx.fill();
  ctx.stroke();
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillStyle = colours.ink;
  ctx.font = `600 14px ${FONT}`;
  ctx.fillText(node.node.name, box.x + 10, box.y + box.height / 2, box.width - 66);
  ctx.textAlign = 'right';
  ctx.font = `400 13px ${FONT}`;
  ctx.fillStyle = colours['ink-2'];
  ctx.fillText(rate(total > 0 ? total : node.out), box.x + box.width - 10, box.y + box.height / 2);
}
