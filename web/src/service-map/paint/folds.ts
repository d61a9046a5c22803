/** Three strokes and a count in place of the edges of a folded node. */
import { counted, exact } from '../../words/numbers.ts';
import { overlap } from '../graph/geometry.ts';
import { EXIT } from '../graph/size.ts';
import type { Look, Scene } from '../scene.ts';
import { font } from './text.ts';

const REACH = 33;
const SPREAD = 12;

export function paintFolds(ctx: CanvasRenderingContext2D, scene: Scene, { colours, detail }: Look): void {
  if (detail === 'far') return;
  for (const [id, lines] of scene.foldedLines) {
    const [box, node] = [scene.places.get(id), scene.graph.nodes.get(id)];
    if (box === undefined || node === undefined) continue;
    const isCaller = node.ports.length === 0;
    const way = isCaller ? 1 : -1;
    const [x, y] = [isCaller ? box.x + box.width : box.x - 10, box.y + EXIT];
    ctx.strokeStyle = colours.control;
    ctx.lineWidth = 1.25;
    for (const by of [-SPREAD, 0, SPREAD]) {
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.bezierCurveTo(x + way * 19, y, x + way * 23, y + by, x + way * REACH, y + by);
      ctx.stroke();
    }
    if (detail !== 'near') continue;
    ctx.font = font(400, 11);
    ctx.fillStyle = colours['ink-3'];
    ctx.textBaseline = 'middle';
    ctx.textAlign = isCaller ? 'left' : 'right';
    const at = x + way * (REACH + 8);
    // A neighbour's card may stand there: then the number alone, or nothing; the toolbar has it, too.
    const words = [`${counted(lines, 'edge')} folded`, exact(lines)].find((text) => {
      const { width } = ctx.measureText(text);
      const place = { x: isCaller ? at : at - width, y: y - 7, width, height: 14 };
      return ![...scene.places.values()].some((card) => overlap(card, place));
    });
    if (words !== undefined) ctx.fillText(words, at, y);
  }
}
