/** Where lines leave their cards: in the order of where they go; those that share a lane leave together. */
import { group } from 'd3';
import type { Box } from './geometry.ts';
import type { Places } from './groups.ts';
import type { Request, Way } from './lanes.ts';
import type { Line } from './model.ts';
import { EXIT } from './size.ts';

/** Between lines, and between the bars of what is stopped at its source. */
const EXIT_GAP = 8;
const BAR_GAP = 17;
const CARD_EDGE = 8;

interface Bunch {
  lines: Line[];
  lane: number;
  to: number;
}

/** Distance of each line's exit from the top of its card. The straightest line leaves level with the first port. */
export function exitsOf(
  ways: ReadonlyMap<Line, Way | null>,
  requests: ReadonlyMap<Line, Request>,
  places: Places,
): Map<Line, number> {
  const exits = new Map<Line, number>();
  for (const [source, own] of group(ways.keys(), (it) => it.source)) {
    const box = places.get(source);
    if (box !== undefined) spread(bunchesOf(own, ways, requests, box), box, exits);
  }
  return exits;
}

function bunchesOf(
  lines: readonly Line[],
  ways: ReadonlyMap<Line, Way | null>,
  requests: ReadonlyMap<Line, Request>,
  box: Box,
): Bunch[] {
  const bunches = new Map<string, Bunch>();
  for (const line of lines) {
    const to = requests.get(line)?.to.y ?? 0;
    const lane = ways.get(line)?.lane.y ?? to;
    const isLevel = lane === box.y + EXIT;
    const key = isLevel ? line.id : `${lane} ${line.end}`;
    const bunch = bunches.get(key) ?? { lines: [], lane: isLevel ? to : lane, to };
    bunch.lines.push(line);
    bunches.set(key, bunch);
  }
  return [...bunches.values()].toSorted((a, b) => a.lane - b.lane || a.to - b.to);
}

function spread(bunches: readonly Bunch[], box: Box, exits: Map<Line, number>): void {
  const away = (it: Bunch | undefined): number => Math.abs((it?.lane ?? Number.POSITIVE_INFINITY) - box.y - EXIT);
  const straightest = bunches.reduce((best, it, i) => (away(it) < away(bunches[best]) ? i : best), 0);
  const steps = bunches.map((it, i) => (i === 0 ? 0 : stepBetween(bunches[i - 1]?.lines[0], it.lines[0])));
  const sum = (of: readonly number[]): number => of.reduce((total, it) => total + it, 0);
  const scale = Math.min(1, (box.height - 2 * CARD_EDGE) / Math.max(1, sum(steps)));
  const highest = box.height - CARD_EDGE - sum(steps) * scale;
  let exit = Math.max(CARD_EDGE, Math.min(EXIT - sum(steps.slice(0, straightest + 1)) * scale, highest));
  for (const [i, bunch] of bunches.entries()) {
    exit += (steps[i] ?? 0) * scale;
    for (const line of bunch.lines) exits.set(line, exit);
  }
}

function stepBetween(a: Line | undefined, b: Line | undefined): number {
  const isBar = (it: Line | undefined): boolean => it?.end === 'dropped' && it.stop === 'source';
  return isBar(a) && isBar(b) ? BAR_GAP : isBar(a) || isBar(b) ? (EXIT_GAP + BAR_GAP) / 2 : EXIT_GAP;
}
