/** Nodes where cards would be too small to read: pills with a name at middle scale, blocks by rate at far. */
import { packetRate, rate } from '../../words/numbers.ts';
import type { Box } from '../graph/geometry.ts';
import type { GraphNode } from '../graph/model.ts';
import type { Look } from '../scene.ts';
import { fitted, font } from './text.ts';

/** Where a pill begins below the top of its card, so that lines arrive at its side. */
const PILL_TOP = 24;
const PADDING = 9;

const arriving = (node: GraphNode): number => node.ports.reduce((sum, it) => sum + it.rate, 0);

/** What its card says: requests where they are read, else packets; of what only sends, packets sent. */
function rateOf(node: GraphNode): string {
  if (node.ports.length === 0) return packetRate(node.out);
  const read = node.ports.flatMap(({ l7 }) => l7 ?? []);
  return read.length === 0 ? packetRate(arriving(node)) : rate(read.reduce((sum, l7) => sum + l7.rate, 0));
}

const isMarked = (node: GraphNode, { selectedId, hoveredId }: Look): boolean =>
  node.id === selectedId || node.id === hoveredId;

/** 8 to 16 px on the screen, by rate. */
export function paintBlock(ctx: CanvasRenderingContext2D, node: GraphNode, box: Box, look: Look): void {
  const { k } = look.camera;
  const size = Math.min((8 + Math.min(8, 2 * Math.log10(1 + arriving(node) + node.out))) / k, box.height);
  ctx.fillStyle = isMarked(node, look) ? look.colours.accent : look.colours['ink-2'];
  ctx.beginPath();
  ctx.roundRect(box.x + (box.width - size) / 2, box.y + (box.height - size) / 2, size, size, size / 5);
  ctx.fill();
}

export function paintPill(ctx: CanvasRenderingContext2D, node: GraphNode, box: Box, look: Look): void {
  const { colours, camera } = look;
  const [top, height] = [box.y + PILL_TOP, box.height - PILL_TOP + 4];
  ctx.fillStyle = colours.raised;
  ctx.strokeStyle = isMarked(node, look) ? colours.accent : colours['line-2'];
  ctx.lineWidth = 1 / camera.k;
  ctx.setLineDash(node.isUnreached ? [3, 3] : []);
  ctx.beginPath();
  ctx.roundRect(box.x, top, box.width, height, node.node.kind === 'World' ? height / 2 : 7);
  ctx.fill();
  ctx.stroke();
  ctx.setLineDash([]);
  const size = Math.min(11.5 / camera.k, 20);
  const [y, room] = [top + height / 2, box.width - 2 * PADDING];
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillStyle = colours.ink;
  ctx.font = font(600, size);
  const name = fitted(ctx, node.node.name, room);
  ctx.fillText(name, box.x + PADDING, y);
  const free = room - ctx.measureText(name).width - size / 2;
  const text = rateOf(node);
  ctx.font = font(400, size);
  if (ctx.measureText(text).width > free) return;
  ctx.textAlign = 'right';
  ctx.fillStyle = colours['ink-2'];
  ctx.fillText(text, box.x + box.width - PADDING, y);
}
