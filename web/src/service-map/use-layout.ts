/**
 * Where things stand. The first seconds settle the picture: while the map is still being discovered it is
 * laid out anew. After that nothing moves by itself; what is new finds a place beside its neighbours, and
 * only Tidy lays out anew.
 */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Box } from './graph/geometry.ts';
import type { Places } from './graph/groups.ts';
import { quickLayout } from './graph/quick-layout.ts';
import { extendPlaces } from './graph/seed.ts';
import { LayoutClient } from './layout-client.ts';
import type { Shaped } from './use-shaped.ts';

const SETTLING_MS = 8000;
const NOWHERE: Places = new Map();

export interface Placed {
  places: Places;
  /** Grows with each layout made anew: the camera fits again. */
  version: number;
}

/** `level` names the picture: another one is laid out by itself. */
export function useLayout({ graph, shape }: Shaped, level: string, tidyRequest: number): Placed {
  const client = useRef<LayoutClient | null>(null);
  const [laid, setLaid] = useState({ places: NOWHERE, version: 0, level: '' });
  /** The level whose picture has settled. */
  const [settled, setSettled] = useState('');
  const latest = useRef(graph);
  useEffect(() => {
    latest.current = graph;
  }, [graph]);
  const settling = settled === level ? '' : shape;
  const isEmpty = graph === null || graph.nodes.size === 0;

  useEffect(() => {
    client.current = new LayoutClient();
    return () => client.current?.close();
  }, []);

  useEffect(() => {
    if (isEmpty) return undefined;
    const timer = setTimeout(() => setSettled(level), SETTLING_MS);
    return () => clearTimeout(timer);
  }, [level, isEmpty]);

  useEffect(() => {
    const [now, layouts] = [latest.current, client.current];
    if (now === null || now.nodes.size === 0 || layouts === null) return;
    const put = (places: Places | null): void => {
      if (places !== null) setLaid((before) => ({ places, version: before.version + 1, level }));
    };
    layouts.layout(now).then(put, (error: unknown) => {
      console.warn('The map was laid out in plain columns, because the layout failed:', error);
      put(quickLayout(now));
    });
    // Once settled `settling` stays empty: then only Tidy, or another level, lays out anew.
  }, [settling, tidyRequest, level]);

  const isLaid = laid.version > 0 && laid.level === level;
  const places = useMemo(
    () => (graph === null || !isLaid ? NOWHERE : extendPlaces(graph, laid.places)),
    [graph, laid, isLaid],
  );
  // What was placed keeps its place, also while it is gone for a moment.
  if (![...places].every(([id, box]) => isAt(laid.places.get(id), box))) {
    setLaid((before) => ({ ...before, places: new Map([...before.places, ...places]) }));
  }
  return { places, version: laid.version };
}

const isAt = (a: Box | undefined, b: Box): boolean =>
  a !== undefined && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
