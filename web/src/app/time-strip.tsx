/** Live or held, how far back, what came in that time and what was dropped. */
import { memo, type ReactNode, useEffect, useRef, useState } from 'react';
import type { StatusMessage, TimelineMessage } from '../../../server/wire/live.ts';
import { Icon } from '../marks/icon.tsx';
import { count } from '../words/numbers.ts';
import { clock, minute } from '../words/times.ts';
import { barsOf, BASE, HEIGHT, marksOf, ticksOf, WIDTH } from './histogram.ts';
import { type Range, RANGES } from './page-state.ts';

interface TimeStripProps {
  timeline: TimelineMessage | null;
  status: StatusMessage | null;
  range: Range;
  onRange: (range: Range) => void;
  isHeld: boolean;
  onHeld: (isHeld: boolean) => void;
}

export const TimeStrip = memo(function TimeStrip({
  timeline,
  status,
  range,
  onRange,
  isHeld,
  onHeld,
}: TimeStripProps): ReactNode {
  const until = timeline === null ? null : timeline.since_ms + timeline.bucket_ms * timeline.buckets.length;
  return (
    <section className="time" aria-label="Time">
      <div className="clock">
        <div className="seg">
          <button
            type="button"
            className="on"
            aria-pressed={isHeld}
            title="Live or held (Space)"
            onClick={() => onHeld(!isHeld)}
          >
            <Icon name={isHeld ? 'play' : 'pause'} size={12} />
            {isHeld ? 'Held' : 'Live'}
          </button>
          <label className="pick">
            <select
              aria-label="Range"
              value={range}
              onChange={(event) => onRange(RANGES.find((known) => known === Number(event.target.value)) ?? 300)}
            >
              {RANGES.map((seconds) => (
                <option key={seconds} value={seconds}>
                  Last {seconds / 60} min
                </option>
              ))}
            </select>
            <Icon name="down" size={12} />
          </label>
        </div>
        <p>{timeline === null || until === null ? '\u00a0' : `${clock(timeline.since_ms)} to ${clock(until)}`}</p>
      </div>
      <div className="hist">{timeline !== null && <Histogram timeline={timeline} />}</div>
      <div className="read">
        <div>
          <b>{status === null ? '–' : count(status.flows_rate)}</b> flows/s
        </div>
        <div className={status !== null && status.drops_rate > 0 ? 'bad' : ''}>
          <b>{status === null ? '–' : count(status.drops_rate)}</b> drops/s
        </div>
      </div>
    </section>
  );
});

function Histogram({ timeline }: { timeline: TimelineMessage }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1000));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const { up, down, lost } = barsOf(timeline);
  const seconds = (timeline.bucket_ms * timeline.buckets.length) / 1000;
  const words = seconds <= 60 ? clock : minute;
  const marks = marksOf(timeline, width);
  return (
    <div ref={box} className="bars">
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
