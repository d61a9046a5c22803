/**
 * The service map. Pure steps make a scene (graph, layout, routes, labels); a canvas draws it, cards stand
 * above it at near level. The camera lives outside React: panning and zooming redraw, they do not render.
 */
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { rate } from '../words/numbers.ts';
import { Card } from './card.tsx';
import { readColours } from './colours.ts';
import type { ServiceMapViewProps } from './contract.ts';
import { around, distanceTo, grow, overlap } from './graph/geometry.ts';
import { placeLabels } from './graph/labels.ts';
import { groupBoxes } from './graph/layout.ts';
import { buildGraph, type Graph, type GraphNode, type Line, type LineEnd } from './graph/model.ts';
import { type Route, routesOf } from './graph/route.ts';
import { Legend } from './legend.tsx';
import './map.css';
import { Outline } from './outline.tsx';
import { type Detail, paint, type Scene } from './paint.ts';
import { useLayout } from './use-layout.ts';
import { type Camera, fitCamera, IDENTITY, ZoomAdapter } from './zoom-adapter.ts';

const NEAR = 0.8;
const MIDDLE = 0.45;
/** A level is left only this far beyond its limit, so that it does not flicker at the limit. */
const HYSTERESIS = 0.05;
const MAX_CARDS = 200;
/** Pointer to line, CSS pixels. */
const HIT = 7;

function detailAt(k: number, before: Detail): Detail {
  const near = before === 'near' ? NEAR - HYSTERESIS : NEAR;
  const middle = before === 'far' ? MIDDLE + HYSTERESIS : MIDDLE;
  return k >= near ? 'near' : k >= middle ? 'middle' : 'far';
}

/** Words of an exceptional line. */
function wordsOf({ line }: Route): string {
  return `${line.end === 'dropped' ? 'dropped' : 'no answer'} ${rate(line.rate)}`;
}

export function ServiceMapView(props: ServiceMapViewProps): ReactNode {
  const { map, colour, selectedId, onSelect, folded, onFold, tidyRequest, themeKey } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cards = useRef<HTMLDivElement>(null);
  const zoom = useRef<ZoomAdapter | null>(null);
  const camera = useRef<Camera>(IDENTITY);
  const isByHand = useRef(false);
  const [detail, setDetail] = useState<Detail>('near');
  const [view, setView] = useState({ width: 0, height: 0, ...IDENTITY });
  const [hoveredId, setHoveredId] = useState<string | null>(null);

  const graph = useMemo(() => (map === null ? null : buildGraph(map)), [map]);
  const { layout, version } = useLayout(graph, map?.group ?? '', tidyRequest);
  const foldedSet = useMemo(() => new Set(folded), [folded]);
  const scene = useMemo<Scene | null>(() => {
    if (graph === null) return null;
    const routes = routesOf(graph, layout, foldedSet);
    const groups = groupBoxes(graph, layout.boxes);
    const labels = placeLabels(routes, [...layout.boxes.values()], wordsOf);
    return { graph, boxes: layout.boxes, groups, routes, labels };
  }, [graph, layout, foldedSet]);
  const foldedEdges = useMemo(() => countFolded(graph, folded), [graph, folded]);
  const colours = useMemo(() => (themeKey === '' ? null : readColours(document.body)), [themeKey]);

  const draw = useRef<() => void>(() => {});
  const redraw = (): void => {
    const context = canvas.current?.getContext('2d', { alpha: false });
    const element = frame.current;
    if (context === null || context === undefined || element === null || scene === null || colours === null) return;
    const look = { camera: camera.current, detail, colours, colour, selectedId, hoveredId, foldedEdges };
    paint(context, element.clientWidth, element.clientHeight, scene, look);
  };

  const moved = useCallback((next: Camera, byHand: boolean) => {
    camera.current = next;
    isByHand.current ||= byHand;
    if (cards.current !== null) cards.current.style.transform = `translate(${next.x}px, ${next.y}px) scale(${next.k})`;
    setDetail((before) => detailAt(next.k, before));
    requestAnimationFrame(() => draw.current());
    // Which cards are in view is decided when the gesture rests, in steps that hide the delay.
    setView((before) => (isFar(before, next) ? { ...before, ...next } : before));
  }, []);

  const bounds = useMemo(
    () => (scene === null ? null : around([...scene.boxes.values(), ...scene.groups.values()])),
    [scene],
  );
  const boundsNow = useRef(bounds);
  // Before the effects below, which fit the camera to these bounds.
  useLayoutEffect(() => {
    boundsNow.current = bounds;
    draw.current = redraw;
  });
  const fit = useCallback(() => {
    const element = frame.current;
    if (element === null || boundsNow.current === null) return;
    isByHand.current = false;
    zoom.current?.set(fitCamera(boundsNow.current, element.clientWidth, element.clientHeight - 26));
  }, []);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const adapter = new ZoomAdapter(element, moved);
    zoom.current = adapter;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      if (canvas.current !== null) {
        canvas.current.width = width * window.devicePixelRatio;
        canvas.current.height = height * window.devicePixelRatio;
      }
      setView((before) => ({ ...before, width, height }));
      if (!isByHand.current) fit();
      draw.current();
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      adapter.close();
    };
  }, [moved, fit]);

  const size = bounds === null ? '' : `${bounds.width} ${bounds.height}`;
  useLayoutEffect(() => {
    if (!isByHand.current) fit();
  }, [fit, version, size]);
  useEffect(fit, [fit, tidyRequest]);
  useEffect(redraw);

  const shown = useMemo(
    () => (scene === null || detail !== 'near' ? [] : cardsInView(scene, view)),
    [scene, detail, view],
  );
  const ends = useMemo(() => new Set<LineEnd>(scene?.routes.map((it) => it.line.end)), [scene]);

  const selectNode = useCallback(
    (id: string) => {
      const node = graph?.nodes.get(id)?.node;
      if (node !== undefined) onSelect({ kind: 'node', node });
    },
    [graph, onSelect],
  );
  const selectLine = useCallback((line: Line) => onSelect({ kind: 'edge', edge: line.edge }), [onSelect]);
  const toggleFold = useCallback((id: string) => onFold(id, !foldedSet.has(id)), [onFold, foldedSet]);

  const routeAt = (event: React.PointerEvent | React.MouseEvent): Route | null => {
    const rect = frame.current?.getBoundingClientRect();
    if (scene === null || rect === undefined) return null;
    const { k, x, y } = camera.current;
    const point = { x: (event.clientX - rect.left - x) / k, y: (event.clientY - rect.top - y) / k };
    let best: Route | null = null;
    let least = HIT / k;
    for (const route of scene.routes) {
      const distance = distanceTo(route.points, point);
      if (distance < least) [best, least] = [route, distance];
    }
    return best;
  };

  return (
    <div
      ref={frame}
      className={`map-frame${hoveredId === null ? '' : ' pointing'}`}
      role="group"
      aria-label="Service map"
      onPointerMove={(event) => {
        if (event.buttons === 0) setHoveredId(isOnCard(event) ? null : (routeAt(event)?.line.edge.id ?? null));
      }}
      onPointerLeave={() => setHoveredId(null)}
      onClick={(event) => {
        if (isOnCard(event)) return;
        const route = routeAt(event);
        if (route === null) onSelect(null);
        else selectLine(route.line);
      }}
      onKeyDown={(event) => moveFocus(event, scene)}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div ref={cards} className="map-cards">
        {shown.map((node) => {
          const box = layout.boxes.get(node.id);
          return box === undefined ? null : (
            <Card
              key={node.id}
              node={node}
              box={box}
              colour={colour}
              isSelected={node.id === selectedId}
              onSelect={selectNode}
              onFold={toggleFold}
            />
          );
        })}
      </div>
      {graph !== null && <Outline graph={graph} onSelectNode={selectNode} onSelect={selectLine} />}
      <Legend ends={ends} colour={colour} />
      <div className="map-zoom">
        <button type="button" aria-label="Zoom in" onClick={() => zoom.current?.by(1.3)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoom.current?.by(1 / 1.3)}>
          −
        </button>
        <button type="button" aria-label="Fit the map" onClick={fit}>
          ⤢
        </button>
      </div>
    </div>
  );
}

const isOnCard = (event: React.SyntheticEvent): boolean => (event.target as Element).closest('button') !== null;

/** Whether the camera has moved so far that other cards may be in view. */
function isFar(before: Camera, next: Camera): boolean {
  return before.k !== next.k || Math.abs(before.x - next.x) > 60 || Math.abs(before.y - next.y) > 60;
}

/** The cards in and just around the view, the busiest first, at most MAX_CARDS. */
function cardsInView(scene: Scene, view: Camera & { width: number; height: number }): GraphNode[] {
  const { k, x, y, width, height } = view;
  const box = grow({ x: -x / k, y: -y / k, width: width / k, height: height / k }, 120);
  const seen = [...scene.graph.nodes.values()].filter((it) => {
    const own = scene.boxes.get(it.id);
    return own !== undefined && overlap(own, box);
  });
  if (seen.length <= MAX_CARDS) return seen;
  const rateOf = (it: GraphNode): number => it.out + it.ports.reduce((sum, port) => sum + port.rate, 0);
  return seen.toSorted((a, b) => rateOf(b) - rateOf(a)).slice(0, MAX_CARDS);
}

function countFolded(graph: Graph | null, folded: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of folded) {
    if (graph === null || !graph.nodes.has(id)) continue;
    counts.set(id, graph.lines.filter((it) => it.end !== 'dropped' && (it.source === id || it.target === id)).length);
  }
  return counts;
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Arrow keys go to the nearest card in that direction. */
function moveFocus(event: React.KeyboardEvent, scene: Scene | null): void {
  const way = ARROWS[event.key];
  const from = (event.target as HTMLElement).dataset['node'];
  const at = from === undefined ? undefined : scene?.boxes.get(from);
  if (way === undefined || at === undefined || scene === null) return;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [id, box] of scene.boxes) {
    const dx = box.x + box.width / 2 - (at.x + at.width / 2);
    const dy = box.y + box.height / 2 - (at.y + at.height / 2);
    const ahead = dx * way[0] + dy * way[1];
    const aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    if (id === from || ahead <= 0) continue;
    if (ahead + 2 * aside < least) [best, least] = [id, ahead + 2 * aside];
  }
  if (best === null) return;
  event.preventDefault();
  event.currentTarget.querySelector<HTMLElement>(`[data-node="${CSS.escape(best)}"]`)?.focus();
}
