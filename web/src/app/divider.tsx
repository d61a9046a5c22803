/** A line that can be dragged, or moved by arrow keys, to give one side more room. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef } from 'react';

interface DividerProps {
  label: string;
  /** Size in px of the region after the line: below it, or to its right. */
  size: number;
  onSize: (px: number) => void;
  orientation: 'horizontal' | 'vertical';
  onDoubleClick?: () => void;
}

const STEP = 25;

export function Divider({ label, size, onSize, orientation, onDoubleClick }: DividerProps): ReactNode {
  const start = useRef<{ at: number; size: number } | null>(null);
  const isFlat = orientation === 'horizontal';
  const place = (event: PointerEvent): number => (isFlat ? event.clientY : event.clientX);
  const onDown = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { at: place(event), size };
  };
  const onMove = (event: PointerEvent): void => {
    if (start.current !== null) onSize(start.current.size + start.current.at - place(event));
  };
  const onKey = (event: KeyboardEvent): void => {
    const [more, less] = isFlat ? ['ArrowUp', 'ArrowDown'] : ['ArrowLeft', 'ArrowRight'];
    if (event.key !== more && event.key !== less) return;
    event.preventDefault();
    onSize(size + (event.key === more ? STEP : -STEP));
  };
  return (
    <div
      className={`divider ${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={size}
      onPointerDown={onDown}
      onPointerMove={onMove}
      onPointerUp={() => (start.current = null)}
      onPointerCancel={() => (start.current = null)}
      onKeyDown={onKey}
      onDoubleClick={onDoubleClick}
    />
  );
}
