/**
 * Where things stand. The first seconds settle the picture: while the map is still being discovered it is
 * laid out anew. After that nothing moves by itself; what is new finds a place beside its neighbours, and
 * only Tidy lays out anew.
 */
import { useEffect, useMemo, useRef, useState } from 'react';
import { extendLayout, type Layout } from './graph/layout.ts';
import type { Graph } from './graph/model.ts';
import { LayoutClient } from './layout-client.ts';

const SETTLING_MS = 8000;
const EMPTY: Layout = { boxes: new Map(), routes: new Map() };

export interface Placed {
  layout: Layout;
  /** Grows with each layout made anew: the camera fits again. */
  version: number;
}

export function useLayout(graph: Graph | null, level: string, tidyRequest: number): Placed {
  const client = useRef<LayoutClient | null>(null);
  const [laid, setLaid] = useState({ layout: EMPTY, version: 0, level: '' });
  /** The level whose picture has settled. */
  const [settled, setSettled] = useState('');
  const latest = useRef(graph);
  useEffect(() => {
    latest.current = graph;
  }, [graph]);
  // Nodes, ports and lines decide the layout; rates do not.
  const shape = useMemo(() => (graph === null || settled === level ? '' : shapeOf(graph)), [graph, settled, level]);

  useEffect(() => {
    client.current = new LayoutClient();
    return () => client.current?.close();
  }, []);

  useEffect(() => {
    const timer = setTimeout(() => setSettled(level), SETTLING_MS);
    return () => clearTimeout(timer);
  }, [level]);

  useEffect(() => {
    const now = latest.current;
    if (now === null || now.nodes.size === 0) return;
    client.current?.layout(now).then(
      (layout) => {
        if (layout !== null) setLaid((before) => ({ layout, version: before.version + 1, level }));
      },
      // The former picture stays; new nodes are placed without elk.
      (error: unknown) => console.warn('layout failed', error),
    );
    // An empty shape means settled: then only Tidy, or another level, lays out anew.
  }, [shape, tidyRequest, level]);

  const layout = useMemo(
    () => (graph === null || laid.version === 0 || laid.level !== level ? EMPTY : extendLayout(graph, laid.layout)),
    [graph, laid, level],
  );
  return { layout, version: laid.version };
}

function shapeOf(graph: Graph): string {
  const nodes = [...graph.nodes.values()].map(
    (it) =>
      `${it.id}(${it.ports
        .map((port) => port.key)
        .toSorted()
        .join()})`,
  );
  return `${nodes.toSorted().join()} ${graph.lines
    .map((it) => it.id)
    .toSorted()
    .join()}`;
}
