/** Namespaces: a ground, a name, counts, and rates across the border. */
import { counted, packetRate, rate } from '../../words/numbers.ts';
import type { Box } from '../graph/geometry.ts';
import { groupTop } from '../graph/groups.ts';
import type { Group } from '../graph/model.ts';
import type { Look, Scene } from '../scene.ts';
import { font } from './text.ts';

const SIDE = 14;
const BASE = 20;
const BETWEEN = 10;

export function paintGroup(ctx: CanvasRenderingContext2D, name: string, box: Box, scene: Scene, look: Look): void {
  const { colours, detail } = look;
  ctx.fillStyle = colours.group;
  ctx.strokeStyle = colours.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(box.x, box.y, box.width, box.height, 9);
  ctx.fill();
  ctx.stroke();
  const group = scene.graph.groups.get(name);
  if (group === undefined) return;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillStyle = colours.ink;
  if (detail === 'near') {
    ctx.font = font(600, 13);
    ctx.fillText(name, box.x + SIDE, box.y + BASE);
    paintFacts(ctx, group, box, box.x + SIDE + ctx.measureText(name).width + 8, look);
  } else paintSmall(ctx, group, box, groupTop(scene.graph) - 10, look);
}

/** Names stay legible when the picture is small, as far as the group has room. */
function paintSmall(ctx: CanvasRenderingContext2D, group: Group, box: Box, room: number, look: Look): void {
  const size = Math.min(12 / look.camera.k, Math.max(30, room));
  const y = box.y + Math.max(BASE, size * 0.62);
  ctx.font = font(600, size);
  ctx.fillText(group.name, box.x + SIDE, y, box.width - 2 * SIDE);
  if (look.detail !== 'far') return;
  const x = box.x + SIDE + ctx.measureText(group.name).width;
  const text = `${packetRate(group.in)} in`;
  ctx.font = font(400, size * 0.9);
  ctx.fillStyle = look.colours['ink-3'];
  ctx.textAlign = 'right';
  const right = box.x + box.width - SIDE;
  if (x + ctx.measureText(text).width + SIDE < right) ctx.fillText(text, right, y);
}

/** Counts from the left, rates from the right; what finds no room is left out, the drops last. */
function paintFacts(ctx: CanvasRenderingContext2D, group: Group, box: Box, start: number, { colours }: Look): void {
  const y = box.y + BASE;
  let [left, end] = [start, box.x + box.width - SIDE];
  ctx.font = font(400, 11);
  const width = (text: string): number => ctx.measureText(text).width + BETWEEN;
  const facts = [
    { text: `dropped ${rate(group.dropped)}`, value: group.dropped, colour: colours.drop },
    { text: `out ${packetRate(group.out)}`, value: group.out, colour: colours['ink-3'] },
    { text: `in ${packetRate(group.in)}`, value: group.in, colour: colours['ink-3'] },
  ].filter((it) => it.value > 0);
  const all = facts.reduce((sum, it) => sum + width(it.text), 0);
  const pods = counted(group.pods, 'pod');
  const long = `${counted(group.nodeIds.length, 'workload')}, ${pods}`;
  const counts = [long, pods].find((text) => width(text) + all < end - left) ?? pods;
  ctx.fillStyle = colours['ink-3'];
  if (width(counts) < end - left) {
    ctx.fillText(counts, left, y);
    left += width(counts);
  }
  ctx.textAlign = 'right';
  for (const { text, colour } of facts) {
    ctx.font = font(colour === colours.drop ? 500 : 400, 11);
    if (width(text) > end - left) return;
    ctx.fillStyle = colour;
    ctx.fillText(text, end, y);
    end -= width(text);
  }
}
