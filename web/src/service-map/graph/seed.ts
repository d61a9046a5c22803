/**
 * What keeps the picture still: everything stays where it was, what is new finds a place beside what it
 * belongs to or talks to, and only a card that another one has grown into gives way, downwards.
 */
import { around, type Box, distance, grow, overlap } from './geometry.ts';
import type { Places } from './groups.ts';
import type { Graph, GraphNode } from './model.ts';
import { sizeOf } from './size.ts';

const GAP = 16;
const STEP = 24;
const TURN = 80;
/** Steps until a new card is placed whatever lies there; more cards than that stand in no column. */
const MAX_STEPS = 400;

/** Boxes of all nodes of the graph; `known` may lack some, and may hold others. */
export function extendPlaces(graph: Graph, known: Places): Places {
  const boxes = new Map<string, Box>();
  for (const node of graph.nodes.values()) {
    const box = known.get(node.id);
    if (box !== undefined) boxes.set(node.id, { ...box, ...sizeOf(node) });
  }
  for (const [id, box] of boxes) if (box.height > (known.get(id)?.height ?? 0)) giveWay(id, boxes);
  for (const node of graph.nodes.values()) {
    if (!boxes.has(node.id)) boxes.set(node.id, freePlace(node, graph, boxes));
  }
  return boxes;
}

/** Moves what the card has grown into, and what that would lie on in turn. */
function giveWay(id: string, boxes: Map<string, Box>): void {
  const box = boxes.get(id);
  if (box === undefined) return;
  for (const [other, its] of boxes) {
    if (other === id || its.y <= box.y || !overlap({ ...box, height: box.height + 8 }, its)) continue;
    boxes.set(other, { ...its, y: box.y + box.height + GAP });
    giveWay(other, boxes);
  }
}

function freePlace(node: GraphNode, graph: Graph, boxes: ReadonlyMap<string, Box>): Box {
  const mates = [...graph.nodes.values()].flatMap((it) =>
    it.group === node.group && it.group !== null ? (boxes.get(it.id) ?? []) : [],
  );
  const beside = neighbourPlace(node, graph, boxes);
  const size = sizeOf(node);
  const all = around(boxes.values());
  const home = nearest(mates, beside) ?? beside ?? { x: all?.x ?? 0, y: all === null ? 0 : all.y + all.height + TURN };
  let box: Box = { x: home.x, y: home.y, ...size };
  const taken = [...boxes.values()].map((it) => grow(it, GAP));
  for (let i = 0; i < MAX_STEPS && taken.some((it) => overlap(it, box)); i++) box = { ...box, y: box.y + STEP };
  return box;
}

/** A namespace stays in one piece: its new card goes below the one that stands nearest to the wanted place. */
function nearest(mates: readonly Box[], wanted: { x: number; y: number } | null): Box | undefined {
  if (wanted === null) return mates[0];
  return mates.toSorted((a, b) => distance(a, wanted) - distance(b, wanted))[0];
}

/** Right of a caller, or left of what it calls; null if it has neither. */
function neighbourPlace(
  node: GraphNode,
  graph: Graph,
  boxes: ReadonlyMap<string, Box>,
): { x: number; y: number } | null {
  const { width } = sizeOf(node);
  for (const line of graph.lines) {
    const [caller, called] = [boxes.get(line.source), boxes.get(line.target)];
    if (line.target === node.id && caller !== undefined) return { x: caller.x + caller.width + TURN, y: caller.y };
    if (line.source === node.id && called !== undefined) return { x: called.x - width - TURN, y: called.y };
  }
  return null;
}
