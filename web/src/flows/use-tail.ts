/**
 * The live tail as a reader can bear it: new flows appear on top until the pointer moves over the rows
 * (held for 1 s after each move), or until the table is scrolled or a flow selected (held until told).
 */
import { useEffect, useState } from 'react';
import type { FlowTail } from '../live/flow-tail.ts';

const HOVER_MS = 1000;

export interface Tail {
  /** What to show. */
  shown: FlowTail;
  /** Flows that came since the table is held, 0 if it is not. */
  missed: number;
  isHeld: boolean;
  onHover: () => void;
}

/** `hold`: scrolled or selected. */
export function useTail(newest: FlowTail, hold: boolean): Tail {
  const [hoverUntil, setHoverUntil] = useState(0);
  const [kept, setKept] = useState<FlowTail | null>(null);
  const isHovered = hoverUntil > 0;
  const isHeld = hold || isHovered;
  useEffect(() => {
    if (!isHovered) return undefined;
    const timer = setTimeout(() => setHoverUntil(0), hoverUntil - Date.now());
    return () => clearTimeout(timer);
  }, [hoverUntil, isHovered]);
  // Another filter starts a new tail: what was kept answers another question.
  const isOther = kept !== null && newest.matched < kept.matched;
  // Nor is anything held before the first answer has come: it would stay empty.
  const isEmpty = kept !== null && !kept.isKnown && newest !== kept;
  if (isHeld && (kept === null || isOther || isEmpty)) setKept(newest);
  if (!isHeld && kept !== null) setKept(null);
  const shown = isHeld && kept !== null && !isOther && !isEmpty ? kept : newest;
  return {
    shown,
    missed: Math.max(0, newest.matched - shown.matched),
    isHeld,
    onHover: () => setHoverUntil(Date.now() + HOVER_MS),
  };
}
