/**
 * The service map. Pure steps make a scene (graph, places, shapes); a canvas draws it, cards stand above it at
 * near level.
 */
import {
  type PointerEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { isFailing } from '../words/edge-l7.ts';
import { Card } from './card.tsx';
import { readColours } from './colours.ts';
import type { ServiceMapViewProps } from './contract.ts';
import { buildGraph, type Line, type LineEnd } from './graph/model.ts';
import type { Route } from './graph/route.ts';
import { cardsInView } from './in-view.ts';
import { Legend } from './legend.tsx';
import './map.css';
import { neighbourOf } from './neighbour.ts';
import { Outline } from './outline.tsx';
import { paint } from './paint/paint.ts';
import { drawingOf, labelsOf, type Scene, sceneOf } from './scene.ts';
import { useCamera } from './use-camera.ts';
import { useLayout } from './use-layout.ts';
import { useShaped } from './use-shaped.ts';
import type { Camera } from './zoom-adapter.ts';
import { ZoomButtons } from './zoom-buttons.tsx';

/** Pointer to line, CSS pixels. */
const REACH = 7;

export function ServiceMapView(props: ServiceMapViewProps): ReactNode {
  const { map, colour, selectedId, onSelect, folded, onFold, tidyRequest, themeKey } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cards = useRef<HTMLDivElement>(null);
  const draw = useRef<() => void>(() => {});
  const [hoveredId, setHoveredId] = useState<string | null>(null);

  const graph = useMemo(() => (map === null ? null : buildGraph(map)), [map]);
  const shaped = useShaped(graph);
  const { places, version } = useLayout(shaped, map?.group ?? '', tidyRequest);
  const drawn = useMemo(() => (shaped.graph === null ? null : drawingOf(shaped.graph, places)), [shaped, places]);
  const foldedSet = useMemo(() => new Set(folded), [folded]);
  const scene = useMemo<Scene | null>(
    () => (graph === null || drawn === null ? null : sceneOf(graph, places, drawn, foldedSet)),
    [graph, places, drawn, foldedSet],
  );
  const things = useMemo(
    () => [...places.values(), ...(drawn?.groups.values() ?? []), ...(scene?.routes.map((it) => it.bounds) ?? [])],
    [places, drawn, scene],
  );
  const colours = useMemo(() => (themeKey === '' ? null : readColours(document.body)), [themeKey]);
  const moveCards = useCallback(({ k, x, y }: Camera) => {
    if (cards.current !== null) cards.current.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
  }, []);
  const parts = useMemo(() => ({ frame, canvas, draw, moveCards }), [moveCards]);
  const { camera, detail, view, zoomBy, fit } = useCamera(parts, things, version, tidyRequest);
  const labels = useMemo(
    () => (scene === null ? [] : labelsOf(scene, detail, selectedId)),
    [scene, detail, selectedId],
  );

  const redraw = (): void => {
    const context = canvas.current?.getContext('2d', { alpha: false });
    const element = frame.current;
    if (context === null || context === undefined || element === null || scene === null || colours === null) return;
    const look = { labels, camera: camera.current, detail, colours, colour, selectedId, hoveredId };
    paint(context, element.clientWidth, element.clientHeight, scene, look);
  };
  useLayoutEffect(() => {
    draw.current = redraw;
    redraw();
  });
  useEffect(() => {
    // What was measured and drawn in another face until ours has come.
    void document.fonts.ready.then(() => draw.current());
  }, []);

  const shown = useMemo(
    () => (scene === null || detail !== 'near' ? [] : cardsInView(scene, view)),
    [scene, detail, view],
  );
  const ends = useMemo(() => new Set<LineEnd>(scene?.routes.map((it) => it.line.end)), [scene]);

  const hasErrors = useMemo(() => scene?.routes.some((it) => isFailing(it.line.edge.l7)) ?? false, [scene]);

  const graphNow = useRef(graph);
  useLayoutEffect(() => {
    graphNow.current = graph;
  });
  const selectNode = useCallback(
    (id: string) => {
      const node = graphNow.current?.nodes.get(id)?.node;
      if (node !== undefined) onSelect({ kind: 'node', node });
    },
    [onSelect],
  );
  const selectLine = useCallback((line: Line) => onSelect({ kind: 'edge', edge: line.edge }), [onSelect]);
  const toggleFold = useCallback((id: string) => onFold(id, !foldedSet.has(id)), [onFold, foldedSet]);

  /** Node or line under the pointer. */
  const under = (event: { clientX: number; clientY: number; target: EventTarget }): string | Route | null => {
    const card = (event.target as Element).closest<HTMLElement>('[data-node]')?.dataset['node'];
    const rect = frame.current?.getBoundingClientRect();
    if (card !== undefined || isOnControl(event.target)) return card ?? null;
    if (scene === null || rect === undefined) return null;
    const { k, x, y } = camera.current;
    const point = { x: (event.clientX - rect.left - x) / k, y: (event.clientY - rect.top - y) / k };
    return (detail === 'near' ? null : nodeAt(scene, point)) ?? scene.hits.at(point, REACH / k, scene.byId);
  };
  const hover = (event: PointerEvent): void => {
    if (event.buttons !== 0) return;
    const it = under(event);
    setHoveredId(it === null || typeof it === 'string' ? it : it.line.edge.id);
  };
  const hoveredName = detail === 'near' || hoveredId === null ? null : (graph?.nodes.get(hoveredId)?.node.name ?? null);

  return (
    <div
      ref={frame}
      className={`map-frame${hoveredId === null ? '' : ' pointing'}`}
      role="group"
      aria-label="Service map"
      title={hoveredName ?? undefined}
      onPointerMove={hover}
      onPointerLeave={() => setHoveredId(null)}
      onClick={(event) => {
        if (isOnControl(event.target)) return;
        const it = under(event);
        if (it === null) onSelect(null);
        else if (typeof it === 'string') selectNode(it);
        else selectLine(it.line);
      }}
      onKeyDown={(event) => {
        const from = (event.target as HTMLElement).dataset['node'];
        const next = from === undefined ? null : neighbourOf(from, event.key, places);
        if (next === null) return;
        event.preventDefault();
        event.stopPropagation();
        event.currentTarget.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)?.focus();
      }}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div ref={cards} className="map-cards">
        {shown.map(({ node, box }) => (
          <Card
            key={node.id}
            node={node}
            box={box}
            colour={colour}
            isSelected={node.id === selectedId}
            onSelect={selectNode}
            onFold={toggleFold}
          />
        ))}
      </div>
      {graph !== null && <Outline graph={graph} onSelectNode={selectNode} onSelect={selectLine} />}
      <Legend ends={ends} hasErrors={hasErrors} colour={colour} />
      <ZoomButtons zoomBy={zoomBy} fit={fit} />
    </div>
  );
}

/** Whether something above the map answers for itself. */
const isOnControl = (target: EventTarget): boolean => (target as Element).closest('button') !== null;

function nodeAt({ places }: Scene, { x, y }: { x: number; y: number }): string | null {
  for (const [id, box] of places) {
    if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) return id;
  }
  return null;
}
