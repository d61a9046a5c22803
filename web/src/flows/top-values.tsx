/** Above the flows: what is most frequent among them. A click filters to it. */
import { memo, type ReactNode, useEffect, useRef, useState } from 'react';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import { exact } from '../words/numbers.ts';
import { topsOf } from './tops.ts';

export const TopValues = memo(function TopValues({
  rows,
  onFilter,
}: {
  rows: readonly FlowRow[];
  onFilter: (filter: FlowFilter) => void;
}): ReactNode {
  const steady = useSteady(rows);
  const total = Math.max(1, steady.length);
  return (
    <section className="tops" aria-label={`Most frequent of the ${steady.length} flows below`}>
      {topsOf(steady).map(({ title, values }) => (
        <div key={title}>
          <h3>{title}</h3>
          {values.map(({ text, count, filter, isBad }) => (
            <button
              key={text}
              type="button"
              className={isBad ? 'bad' : ''}
              title={`Filter to ${text}`}
              onClick={() => onFilter(filter)}
            >
              <i style={{ width: `${(count / total) * 100}%` }} />
              <span>{text}</span>
              <b>{exact(count)}</b>
            </button>
          ))}
        </div>
      ))}
    </section>
  );
});

/** The value, changing at most once a second: numbers that change faster cannot be read. */
function useSteady<T>(value: T): T {
  const newest = useRef(value);
  const [steady, setSteady] = useState(value);
  useEffect(() => {
    newest.current = value;
  }, [value]);
  useEffect(() => {
    const timer = setInterval(() => setSteady(newest.current), 1000);
    return () => clearInterval(timer);
  }, []);
  return steady;
}
