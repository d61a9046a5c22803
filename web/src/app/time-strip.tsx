/** Live, held or past, how far back, what came in that time and what was dropped. */
import { memo, type ReactNode } from 'react';
import type { StatusMessage, TimelineMessage } from '../../../server/wire/live.ts';
import { type Past, windowWords } from '../live/past.ts';
import { Icon } from '../marks/icon.tsx';
import { count } from '../words/numbers.ts';
import { Histogram } from './histogram-view.tsx';
import { type Range, RANGES } from './page-state.ts';
import { LONG_RANGES, sinceNow } from './time-range.ts';

interface TimeStripProps {
  timeline: TimelineMessage | null;
  status: StatusMessage | null;
  range: Range;
  onRange: (range: Range) => void;
  past: Past | null;
  onPast: (past: Past | null) => void;
  isHeld: boolean;
  onHeld: (isHeld: boolean) => void;
}

/** Of the list: a range that was brushed, or came with a link. */
const CHOSEN = 'chosen';

export const TimeStrip = memo(function TimeStrip(props: TimeStripProps): ReactNode {
  const { timeline, status, range, onRange, past, onPast, isHeld, onHeld } = props;
  const choose = (value: string): void => {
    const live = RANGES.find((known) => String(known) === value);
    const long = LONG_RANGES.find((known) => String(known.seconds) === value);
    if (live !== undefined) onRange(live);
    else if (long !== undefined) onPast(sinceNow(long.seconds, Date.now()));
  };
  const shown = past ?? rangeOf(timeline);
  return (
    <section className="time" aria-label="Time">
      <div className="clock">
        <div className="seg">
          <button
            type="button"
            className={past === null ? 'on' : ''}
            aria-pressed={isHeld}
            title={past === null ? 'Live or held (Space)' : 'Back to live'}
            onClick={() => (past === null ? onHeld(!isHeld) : onPast(null))}
          >
            <Icon name={isHeld || past !== null ? 'play' : 'pause'} size={12} />
            {isHeld && past === null ? 'Held' : 'Live'}
          </button>
          <label className={past === null ? 'pick' : 'pick on'}>
            <select
              aria-label="Range"
              value={past === null ? range : CHOSEN}
              onChange={(event) => choose(event.target.value)}
            >
              {RANGES.map((seconds) => (
                <option key={seconds} value={seconds}>
                  Last {seconds / 60} min
                </option>
              ))}
              {LONG_RANGES.map(({ seconds, text }) => (
                <option key={seconds} value={seconds}>
                  Last {text}
                </option>
              ))}
              {past !== null && <option value={CHOSEN}>Chosen range</option>}
            </select>
            <Icon name="down" size={12} />
          </label>
        </div>
        <p>{shown === null ? '\u00a0' : windowWords(0, shown)}</p>
      </div>
      <div className="hist">
        {timeline !== null && <Histogram timeline={timeline} isPast={past !== null} onPast={onPast} />}
      </div>
      <Rates timeline={timeline} status={status} isPast={past !== null} />
    </section>
  );
});

function rangeOf(timeline: TimelineMessage | null): Past | null {
  if (timeline === null) return null;
  return { since: timeline.since_ms, until: timeline.since_ms + timeline.bucket_ms * timeline.buckets.length };
}

/** Of now, or the means of a range that is over. */
function Rates({
  timeline,
  status,
  isPast,
}: Pick<TimeStripProps, 'timeline' | 'status'> & { isPast: boolean }): ReactNode {
  const mean = (of: 'flows' | 'drops'): number | null => {
    if (timeline === null) return null;
    const sum = timeline.buckets.reduce((all, bucket) => all + bucket[of], 0);
    return (sum * 1000) / Math.max(1, timeline.bucket_ms * timeline.buckets.length);
  };
  const flows = isPast ? mean('flows') : (status?.flows_rate ?? null);
  const drops = isPast ? mean('drops') : (status?.drops_rate ?? null);
  return (
    <div className="read">
      <div>
        <b>{flows === null ? '–' : count(flows)}</b> flows/s
      </div>
      <div className={drops !== null && drops > 0 ? 'bad' : ''}>
        <b>{drops === null ? '–' : count(drops)}</b> drops/s
      </div>
    </div>
  );
}
