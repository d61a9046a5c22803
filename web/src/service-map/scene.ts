/** Everything the canvas draws, and how: made by the pure steps, read by the painters. */
import { edgeL7Words, isFailing } from '../words/edge-l7.ts';
import { percent, rate } from '../words/numbers.ts';
import type { Colours } from './colours.ts';
import type { ColourMode } from './contract.ts';
import { type Bundle, bundlesOf, MANY_BETWEEN } from './graph/bundle.ts';
import type { Box } from './graph/geometry.ts';
import { groupBoxes, type Places } from './graph/groups.ts';
import { HitGrid } from './graph/hit.ts';
import { keptFree, type Label, placeLabels, type Words } from './graph/labels.ts';
import type { Graph } from './graph/model.ts';
import { MANY_LINES, type Route, routesOf, type Shape, shapesOf } from './graph/route.ts';
import type { Camera } from './zoom-adapter.ts';

export type Detail = 'far' | 'middle' | 'near';

/** What depends on places only, and is kept while rates change. */
export interface Drawing {
  groups: ReadonlyMap<string, Box>;
  shapes: ReadonlyMap<string, Shape>;
  hits: HitGrid;
}

export interface Bundling {
  bundles: readonly Bundle[];
  /** Ids of the lines that are drawn as bundles. */
  lines: ReadonlySet<string>;
}

export interface Scene {
  graph: Graph;
  places: Places;
  groups: ReadonlyMap<string, Box>;
  routes: readonly Route[];
  byId: ReadonlyMap<string, Route>;
  bundling: Readonly<Record<Detail, Bundling>>;
  hits: HitGrid;
  /** Node id -> lines hidden by its fold. */
  foldedLines: ReadonlyMap<string, number>;
}

export interface Look {
  labels: readonly Label[];
  camera: Camera;
  detail: Detail;
  colours: Colours;
  colour: ColourMode;
  selectedId: string | null;
  /** Id of the edge or the node under the pointer. */
  hoveredId: string | null;
}

/** Words keep their size on the screen when cards become pills. */
export const LABEL_SCALE = { near: 1, middle: 1.6 } as const;

export function drawingOf(graph: Graph, places: Places): Drawing {
  const groups = groupBoxes(graph, places);
  const shapes = shapesOf(graph, places, groups);
  return { groups, shapes, hits: new HitGrid(shapes) };
}

export function sceneOf(graph: Graph, places: Places, drawing: Drawing, folded: ReadonlySet<string>): Scene {
  const { groups, shapes, hits } = drawing;
  const routes = routesOf(graph, shapes, folded);
  const byId = new Map(routes.map((it) => [it.line.id, it]));
  const all = bundlesOf(graph, routes, groups);
  const few = bundlingOf(all.filter((it) => it.lines.size > MANY_BETWEEN));
  const bundling = { far: routes.length > MANY_LINES ? bundlingOf(all) : few, middle: few, near: few };
  return { graph, places, groups, routes, byId, bundling, hits, foldedLines: foldedLines(graph, folded) };
}

/** Words of a level, in map units. From afar there are none. */
export function labelsOf(
  { places, groups, routes, byId, hits }: Scene,
  detail: Detail,
  selectedId: string | null,
): readonly Label[] {
  if (detail === 'far') return [];
  const isCrossed = (box: Box, id: string): boolean => hits.crosses(box, id, byId);
  return placeLabels(routes, keptFree(places.values(), groups.values()), isCrossed, LABEL_SCALE[detail], (route) =>
    wordsOf(route, selectedId),
  );
}

/** Whether lines within a group are drawn at a level. */
export const hasInnerLines = (scene: Scene, detail: Detail): boolean =>
  detail !== 'far' || scene.routes.length <= MANY_LINES;

function bundlingOf(bundles: readonly Bundle[]): Bundling {
  return { bundles, lines: new Set(bundles.flatMap((it) => [...it.lines])) };
}

function wordsOf({ line }: Route, selectedId: string | null): Words | null {
  const { end, edge } = line;
  const perSecond = rate(line.rate);
  if (end === 'dropped') return { tone: 'dropped', texts: [`dropped ${perSecond}`, perSecond] };
  if (end === 'unanswered') return { tone: 'unanswered', texts: [`no answer ${perSecond}`] };
  if (edge.l7 === null) return null;
  const errors = `${percent(edge.l7.error_share ?? 0)} errors`;
  const tone = isFailing(edge.l7) ? 'failing' : 'plain';
  if (edge.id === selectedId) return { tone, texts: [edgeL7Words(edge.l7), errors] };
  return tone === 'failing' ? { tone, texts: [errors, percent(edge.l7.error_share ?? 0)] } : null;
}

function foldedLines(graph: Graph, folded: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { end, source, target } of graph.lines) {
    if (end === 'dropped') continue;
    for (const id of new Set([source, target])) if (folded.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
