/** Which cards stand above the canvas: those in and just around the view, the busiest if there are too many. */
import { type Box, grow, overlap } from './graph/geometry.ts';
import type { GraphNode } from './graph/model.ts';
import type { Scene } from './scene.ts';
import type { View } from './use-camera.ts';

const MAX_CARDS = 200;
const MARGIN = 120;

export interface PlacedNode {
  node: GraphNode;
  box: Box;
}

export function cardsInView({ graph, places }: Scene, { k, x, y, width, height }: View): PlacedNode[] {
  const view = grow({ x: -x / k, y: -y / k, width: width / k, height: height / k }, MARGIN);
  const seen: PlacedNode[] = [];
  for (const node of graph.nodes.values()) {
    const box = places.get(node.id);
    if (box !== undefined && overlap(box, view)) seen.push({ node, box });
  }
  if (seen.length <= MAX_CARDS) return seen;
  const rate = ({ node }: PlacedNode): number => node.out + node.ports.reduce((sum, port) => sum + port.rate, 0);
  return seen.toSorted((a, b) => rate(b) - rate(a)).slice(0, MAX_CARDS);
}
