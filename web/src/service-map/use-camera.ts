/**
 * The camera and the canvas's size. It lives outside React: panning and zooming redraw, they do not render.
 * React hears of it only when other cards may be in view, or another level is reached.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { around, type Box } from './graph/geometry.ts';
import type { Detail } from './scene.ts';
import { type Camera, fitCamera, IDENTITY, ZoomAdapter } from './zoom-adapter.ts';

const NEAR = 0.8;
const MIDDLE = 0.45;
/** A level is left only this far beyond its limit, so that it does not flicker at the limit. */
const HYSTERESIS = 0.05;
/** Cards are looked for anew when the camera has moved or zoomed this far (CSS pixels, ratio); their margin hides it. */
const MOVED = 60;
const ZOOMED = 1.1;
/** Room for the legend below the map. */
const LEGEND = 26;

export interface View extends Camera {
  width: number;
  height: number;
}

export interface CameraControl {
  /** The camera now; read it when drawing. */
  camera: RefObject<Camera>;
  detail: Detail;
  /** What is in view, up to MOVED ago. */
  view: View;
  zoomBy: (factor: number) => void;
  fit: () => void;
}

interface Parts {
  frame: RefObject<HTMLDivElement | null>;
  canvas: RefObject<HTMLCanvasElement | null>;
  /** Draws now. */
  draw: RefObject<() => void>;
  /** Moves what stands above the canvas. */
  moveCards: (camera: Camera) => void;
}

/** `things`: the boxes to be seen; `version` and `tidyRequest` change when they are to be fitted again. */
export function useCamera(parts: Parts, things: readonly Box[], version: number, tidyRequest: number): CameraControl {
  const { frame, canvas, draw, moveCards } = parts;
  const zoom = useRef<ZoomAdapter | null>(null);
  const camera = useRef<Camera>(IDENTITY);
  const isByHand = useRef(false);
  const isDue = useRef(false);
  const [detail, setDetail] = useState<Detail>('near');
  const [view, setView] = useState<View>({ width: 0, height: 0, ...IDENTITY });

  const moved = useCallback(
    (next: Camera, byHand: boolean) => {
      camera.current = next;
      isByHand.current ||= byHand;
      moveCards(next);
      setDetail((before) => detailAt(next.k, before));
      setView((before) => (isFar(before, next) ? { ...before, ...next } : before));
      if (isDue.current) return;
      isDue.current = true;
      requestAnimationFrame(() => {
        isDue.current = false;
        draw.current();
      });
    },
    [moveCards, draw],
  );

  const thingsNow = useRef(things);
  useLayoutEffect(() => {
    thingsNow.current = things;
  });
  const fit = useCallback(() => {
    const element = frame.current;
    const bounds = around(thingsNow.current);
    if (element === null || bounds === null || element.clientWidth === 0) return;
    isByHand.current = false;
    const { clientWidth: width, clientHeight: height } = element;
    zoom.current?.set(fitCamera(bounds, width, height - LEGEND, thingsNow.current));
  }, [frame]);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const adapter = new ZoomAdapter(element, moved);
    zoom.current = adapter;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      if (canvas.current !== null) {
        canvas.current.width = Math.round(width * window.devicePixelRatio);
        canvas.current.height = Math.round(height * window.devicePixelRatio);
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
  }, [frame, canvas, draw, moved, fit]);

  const bounds = useMemo(() => around(things), [things]);
  const size = bounds === null ? '' : `${bounds.x} ${bounds.y} ${bounds.width} ${bounds.height}`;
  useLayoutEffect(() => {
    if (!isByHand.current) fit();
  }, [fit, version, size]);
  useEffect(fit, [fit, tidyRequest]);

  const zoomBy = useCallback((factor: number) => zoom.current?.by(factor), []);
  return { camera, detail, view, zoomBy, fit };
}

function detailAt(k: number, before: Detail): Detail {
  const near = before === 'near' ? NEAR - HYSTERESIS : NEAR;
  const middle = before === 'far' ? MIDDLE + HYSTERESIS : MIDDLE;
  return k >= near ? 'near' : k >= middle ? 'middle' : 'far';
}

function isFar(before: Camera, next: Camera): boolean {
  const zoomed = Math.max(before.k / next.k, next.k / before.k);
  return zoomed > ZOOMED || Math.abs(before.x - next.x) > MOVED || Math.abs(before.y - next.y) > MOVED;
}
