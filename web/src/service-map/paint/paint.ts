/** Draws a scene on one opaque canvas, back to front. Cards of near level stand above it as elements. */
import { isFailing } from '../../words/edge-l7.ts';
import { type Box, overlap } from '../graph/geometry.ts';
import { hasInnerLines, type Look, type Scene } from '../scene.ts';
import { paintFolds } from './folds.ts';
import { paintGroup } from './groups.ts';
import { paintLabel } from './labels.ts';
import { paintBundle, paintHalo, paintLine } from './lines.ts';
import { paintBlock, paintPill } from './nodes.ts';

/** Keeps no state: the picture follows from the arguments. `width` and `height` in CSS pixels. */
export function paint(ctx: CanvasRenderingContext2D, width: number, height: number, scene: Scene, look: Look): void {
  const { camera, colours, detail } = look;
  const ratio = window.devicePixelRatio;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = colours.canvas;
  ctx.fillRect(0, 0, width, height);
  ctx.setTransform(ratio * camera.k, 0, 0, ratio * camera.k, ratio * camera.x, ratio * camera.y);
  const view = { x: -camera.x / camera.k, y: -camera.y / camera.k, width: width / camera.k, height: height / camera.k };
  for (const [name, box] of scene.groups) if (overlap(view, box)) paintGroup(ctx, name, box, scene, look);
  paintLines(ctx, view, scene, look);
  paintFolds(ctx, scene, look);
  if (detail !== 'near') {
    const node = detail === 'far' ? paintBlock : paintPill;
    for (const [id, box] of scene.places) {
      const its = scene.graph.nodes.get(id);
      if (its !== undefined && overlap(view, box)) node(ctx, its, box, look);
    }
  }
  for (const label of look.labels) paintLabel(ctx, label, scene, look);
}

function paintLines(ctx: CanvasRenderingContext2D, view: Box, scene: Scene, look: Look): void {
  const { bundles, lines: bundled } = scene.bundling[look.detail];
  const hasInner = hasInnerLines(scene, look.detail);
  for (const bundle of bundles) paintBundle(ctx, bundle, look);
  const marked = scene.routes.filter(({ line }) => line.edge.id === look.selectedId || line.edge.id === look.hoveredId);
  for (const route of marked) paintHalo(ctx, route, look);
  for (const route of scene.routes) {
    if (!overlap(view, route.bounds) || marked.includes(route)) continue;
    const isException = route.line.end !== 'forwarded' || isFailing(route.line.edge.l7);
    if (!isException && (!hasInner || bundled.has(route.line.id))) continue;
    paintLine(ctx, route, view, look);
  }
  for (const route of marked) paintLine(ctx, route, view, look);
}
