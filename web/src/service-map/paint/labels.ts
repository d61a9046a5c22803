/** Words of exceptions, with a halo of the ground they stand on. */
import { overlap } from '../graph/geometry.ts';
import type { Label } from '../graph/labels.ts';
import { LABEL_SCALE, type Look, type Scene } from '../scene.ts';
import { font } from './text.ts';

const SIZE = 11;
const TONE = { dropped: 'drop', unanswered: 'ink-3', failing: 'error', plain: 'accent' } as const;
const HALO = { onLine: 9, beside: 3 };

export function paintLabel(ctx: CanvasRenderingContext2D, label: Label, scene: Scene, { colours, detail }: Look): void {
  const scale = detail === 'middle' ? LABEL_SCALE.middle : LABEL_SCALE.near;
  const { x, y } = label.at;
  const isInGroup = [...scene.groups.values()].some((box) => overlap(box, { x, y, width: 1, height: 1 }));
  ctx.font = font(500, SIZE * scale);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = (label.isOnLine ? HALO.onLine : HALO.beside) * scale;
  ctx.strokeStyle = isInGroup ? colours.group : colours.canvas;
  ctx.strokeText(label.text, x, y);
  ctx.fillStyle = colours[TONE[label.tone]];
  ctx.fillText(label.text, x, y);
}
