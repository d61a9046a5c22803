/** The histogram of flows and drops. Dragging over it chooses a range, a double click goes back to live, the wheel zooms. */
import { type PointerEvent, type ReactNode, useEffect, useRef, useState, type WheelEvent } from 'react';
import type { TimelineMessage } from '../../../server/wire/live.ts';
import type { Past } from '../live/past.ts';
import { clock, day, minute } from '../words/times.ts';
import { barsOf, BASE, HEIGHT, marksOf, ticksOf, WIDTH } from './histogram.ts';
import { part, zoomed } from './time-range.ts';

interface HistogramProps {
  timeline: TimelineMessage;
  isPast: boolean;
  onPast: (past: Past | null) => void;
}

const DAY_S = 24 * 3600;
/** Wheels turn faster than answers come. */
const WHEEL_MS = 250;

export function Histogram({ timeline, isPast, onPast }: HistogramProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  const [brush, setBrush] = useState<{ from: number; to: number } | null>(null);
  const lastWheel = useRef(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1000));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const { up, down, lost } = barsOf(timeline);
  const seconds = (timeline.bucket_ms * timeline.buckets.length) / 1000;
  const words = seconds <= 60 ? clock : seconds > DAY_S ? day : minute;
  const marks = marksOf(timeline, width);
  const range = { since: timeline.since_ms, until: timeline.since_ms + seconds * 1000 };
  const placeOf = (event: { clientX: number }): number => {
    const rect = box.current?.getBoundingClientRect();
    return rect === undefined ? 0 : Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width));
  };
  const release = (): void => {
    const chosen = brush === null ? null : part(range, brush.from, brush.to);
    // A click is no range.
    if (brush !== null && chosen !== null && Math.abs(brush.to - brush.from) * width > 4) onPast(chosen);
    setBrush(null);
  };
  const wheel = (event: WheelEvent): void => {
    if (event.timeStamp - lastWheel.current < WHEEL_MS || event.deltaY === 0) return;
    lastWheel.current = event.timeStamp;
    onPast(zoomed(range, placeOf(event), event.deltaY < 0 ? 'in' : 'out', Date.now()));
  };
  return (
    <div
      ref={box}
      className="bars"
      title={isPast ? 'Drag: choose a range. Double click: live. Wheel: zoom' : 'Drag: choose a range. Wheel: zoom'}
      onPointerDown={(event: PointerEvent<HTMLDivElement>) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setBrush({ from: placeOf(event), to: placeOf(event) });
      }}
      onPointerMove={(event) => setBrush((before) => before && { ...before, to: placeOf(event) })}
      onPointerUp={release}
      onPointerCancel={() => setBrush(null)}
      onDoubleClick={() => onPast(null)}
      onWheel={wheel}
    >
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Flows above the line, drops below it"
      >
        <defs>
          <pattern id="lost" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0v5" stroke="var(--audit)" strokeWidth="3" />
          </pattern>
        </defs>
        <path className="up" d={up} />
        <path className="down" d={down} />
        <path fill="url(#lost)" d={lost} />
        <path className="base" d={`M0 ${BASE}H${WIDTH}`} vectorEffect="non-scaling-stroke" />
        {marks.map(({ time, at }) => (
          <path
            key={`${time} ${at}`}
            className="mark"
            d={`M${at * WIDTH} 5V${BASE}`}
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
      {brush !== null && (
        <i
          className="brush"
          style={{
            left: `${Math.min(brush.from, brush.to) * 100}%`,
            width: `${Math.abs(brush.to - brush.from) * 100}%`,
          }}
        />
      )}
      {marks.map(({ time, at, text }) =>
        text === null ? null : (
          <span key={`${time} ${text}`} className="flag" style={{ left: `${at * 100}%` }}>
            {clock(time)} {text}
          </span>
        ),
      )}
      {ticksOf(timeline).map(({ time, at }) => (
        <span key={time} className="tick" style={{ left: `${at * 100}%` }}>
          {words(time)}
        </span>
      ))}
    </div>
  );
}
