/**
 * The way of one line: level out of a card, a turn to a lane, along the lane, a turn, level into a port. The
 * lane is the cheapest that runs behind no card. Lines to one port, and lines of one caller, share a lane.
 */
import { type Box, type Curve, joined, overlap, pointAt, type Point, straight, turn } from './geometry.ts';

export interface Obstacle {
  id: string;
  box: Box;
}

/** A lane taken by a line. */
export interface Lane {
  y: number;
  left: number;
  right: number;
  source: string;
  /** Node and port it leads to. */
  target: string;
  /** Lines of different kinds share no lane. */
  kind: string;
}

export interface Way {
  curve: Curve;
  lane: Lane;
}

export interface Request {
  source: string;
  targetNode: string;
  target: string;
  kind: string;
  from: Point;
  to: Point;
}

/** Everything a line has to mind. */
export interface Surroundings {
  cards: readonly Obstacle[];
  /** Names and rates of groups: crossed only if all else is worse. */
  headings: readonly Box[];
  /** Lanes run beside their bottoms and tops, too. */
  groups: readonly Box[];
  lanes: readonly Lane[];
}

/** Width of a turn where there is room for it, and where a line goes back. */
const TURN = 52;
const BACK = 40;
/** A turn this long at most is drawn as one; longer ones run along a lane first. */
const ONE_TURN = 150;
/** A line to what is not this far to the right goes back. */
const FORWARD = 24;
/** Lines keep this far from cards, and lanes from each other. */
const CLEAR = 7;
const LANE_GAP = 9;
const LANES_PER_GAP = 3;
const COST = { turn: 14, crowded: 90, words: 50, shared: -24 } as const;
/** Sharing with many is worth no longer way than sharing with a few. */
const SHARED_MOST = 2 * COST.shared;
const LOOKS = 16;

/** The cheapest way, null if every one would run behind a card. */
export function findWay(request: Request, around: Surroundings): Way | null {
  const { from, to } = request;
  const near = nearby(request, around.cards);
  const detour = (y: number): number => Math.abs(from.y - y) + Math.abs(to.y - y);
  let best: { way: Way; cost: number } | null = null;
  // The straightest first: what follows the first that cannot win any more is not looked at.
  for (const y of laneCandidates(request, near, around.groups).toSorted((a, b) => detour(a) - detour(b))) {
    const least = detour(y);
    if (best !== null && least + SHARED_MOST > best.cost) break;
    const pieces = piecesOf(from, to, y);
    if (!isFree(pieces, near, request)) continue;
    const lane = laneOf(request, y, pieces);
    const cost = least + costOf(request, lane, pieces.turns, around);
    if (best === null || cost < best.cost) best = { way: { curve: joined(pieces.all), lane }, cost };
  }
  return best?.way ?? null;
}

/** The way along a given lane, whatever lies there. */
export function wayAlong(request: Request, y: number): Curve {
  return joined(piecesOf(request.from, request.to, y).all);
}

interface Pieces {
  all: Curve[];
  /** Ends of the lane itself. */
  left: number;
  right: number;
  turns: number;
}

function laneOf({ source, target, kind }: Request, y: number, { left, right }: Pieces): Lane {
  return { y, left: Math.min(left, right), right: Math.max(left, right), source, target, kind };
}

function piecesOf(from: Point, to: Point, y: number): Pieces {
  const reach = to.x - from.x;
  const isBack = reach < FORWARD;
  if (!isBack && reach <= ONE_TURN && (y === from.y || y === to.y)) {
    // So short a way takes no lane.
    const lane = { left: from.x, right: from.x };
    return from.y === to.y
      ? { all: [straight(from, to)], turns: 0, ...lane }
      : { all: [turn(from, to)], turns: 1, ...lane };
  }
  const width = Math.min(TURN, reach / 2);
  const a = { x: isBack || y === from.y ? from.x : from.x + width, y };
  const b = { x: isBack || y === to.y ? to.x : to.x - width, y };
  const all: Curve[] = [straight(a, b)];
  if (y !== from.y) all.unshift(isBack ? bend(from, a, BACK) : turn(from, a));
  if (y !== to.y) all.push(isBack ? bend(b, to, -BACK) : turn(b, to));
  return { all, left: a.x, right: b.x, turns: all.length - 1 };
}

/** A turn back: `by` to the right, or to the left if negative. */
function bend(from: Point, to: Point, by: number): Curve {
  return [from, { x: from.x + by * 1.3, y: from.y }, { x: to.x + by * 1.3, y: to.y }, to];
}

/** Lanes worth a try: level with either end, or just above or below a card or a group on the way. */
function laneCandidates({ from, to }: Request, cards: readonly Obstacle[], groups: readonly Box[]): number[] {
  const found = to.x - from.x < FORWARD ? [] : [from.y, to.y];
  const [left, right] = [Math.min(from.x, to.x) - BACK, Math.max(from.x, to.x) + BACK];
  for (const box of [...cards.map((it) => it.box), ...groups]) {
    if (box.x > right || box.x + box.width < left) continue;
    for (let i = 0; i < LANES_PER_GAP; i++) {
      const away = CLEAR + 3 + i * LANE_GAP;
      found.push(box.y - away, box.y + box.height + away);
    }
  }
  return found;
}

function nearby({ from, to }: Request, cards: readonly Obstacle[]): Obstacle[] {
  const [left, right] = [Math.min(from.x, to.x) - 2 * BACK, Math.max(from.x, to.x) + 2 * BACK];
  return cards.filter(({ box }) => box.x < right && box.x + box.width > left);
}

function isFree({ all }: Pieces, cards: readonly Obstacle[], { source, targetNode }: Request): boolean {
  for (const { id, box } of cards) {
    const wide = { x: box.x - 4, y: box.y - CLEAR, width: box.width + 8, height: box.height + 2 * CLEAR };
    for (const piece of all) {
      // A line touches its own two cards where it leaves and where it arrives.
      const isOwn = (id === source && piece === all[0]) || (id === targetNode && piece === all.at(-1));
      if (!isOwn && crosses(piece, wide)) return false;
    }
  }
  return true;
}

function crosses(curve: Curve, box: Box): boolean {
  const [first, last] = [curve[0], curve.at(-1)];
  if (first === undefined || last === undefined) return false;
  const isLevel = first.y === last.y && curve[1]?.y === first.y;
  const [x, y] = [Math.min(first.x, last.x), Math.min(first.y, last.y)];
  const [width, height] = [Math.abs(first.x - last.x), Math.abs(first.y - last.y) + 1];
  if (isLevel) return overlap({ x, y, width, height }, box);
  if (!overlap({ x: x - 2 * BACK, y, width: width + 4 * BACK, height }, box)) return false;
  for (let i = 0; i <= LOOKS; i++) {
    if (overlap({ ...pointAt(curve, 0, i / LOOKS), width: 0.01, height: 0.01 }, box)) return true;
  }
  return false;
}

function costOf(request: Request, lane: Lane, turns: number, around: Surroundings): number {
  let cost = turns * COST.turn;
  let shared = 0;
  const line = { x: lane.left, y: lane.y, width: lane.right - lane.left, height: 1 };
  if (around.headings.some((it) => overlap(it, line))) cost += COST.words;
  for (const other of around.lanes) {
    if (Math.min(other.right, lane.right) - Math.max(other.left, lane.left) < 8) continue;
    const away = Math.abs(other.y - lane.y);
    const isRelated = other.source === request.source || other.target === request.target;
    if (away < 0.5 && other.kind === lane.kind && isRelated) shared += COST.shared;
    else if (away < LANE_GAP - 1) cost += COST.crowded;
  }
  return cost + Math.max(shared, SHARED_MOST);
}
