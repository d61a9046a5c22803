/** The flows with their toolbar: what is shown of how many, held or live. Below the map, and as a page. */
import { memo, type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import type { FlowRow } from '../../../server/wire/live.ts';
import type { FlowTail } from '../live/flow-tail.ts';
import type { Hold } from '../live/live-store.ts';
import { MAX_PAST_ROWS, usePast } from '../live/past.ts';
import { exact, ordinal, rate } from '../words/numbers.ts';
import { FlowTable } from './flow-table.tsx';
import { useTail } from './use-tail.ts';

export interface FlowPanelProps {
  tail: FlowTail;
  /** All flows a second, matching or not; null until known. */
  flowRate: number | null;
  hold: Hold | null;
  onLive: () => void;
  selected: FlowRow | null;
  onSelect: (row: FlowRow | null) => void;
  isMarked: (row: FlowRow) => boolean;
  empty: ReactNode;
  /** Between the toolbar and the table. */
  above: ReactNode;
  /** Called with what the keys j, k and Home do here. */
  onKeys: (keys: FlowKeys) => void;
}

export interface FlowKeys {
  move: (by: 1 | -1) => void;
  toNewest: () => void;
}

export const FlowPanel = memo(function FlowPanel(props: FlowPanelProps): ReactNode {
  const { tail, flowRate, hold, onLive, selected, onSelect, isMarked, empty, above, onKeys } = props;
  const isPast = usePast() !== null;
  const scroller = useRef<HTMLDivElement>(null);
  const [isScrolled, setScrolled] = useState(false);
  const { shown, missed, onHover, isHeld } = useTail(tail, isScrolled || selected !== null);
  const toNewest = useCallback(() => {
    scroller.current?.scrollTo({ top: 0 });
    setScrolled(false);
    onSelect(null);
    onLive();
  }, [onSelect, onLive]);
  useEffect(() => {
    const move = (by: 1 | -1): void => {
      const at = selected === null ? -1 : shown.rows.findIndex((row) => row.id === selected.id);
      const next = shown.rows[at < 0 ? 0 : Math.max(0, at + by)];
      if (next !== undefined) onSelect(next);
    };
    onKeys({ move, toNewest });
  }, [onKeys, onSelect, selected, shown, toNewest]);
  const newer = missed + (hold?.missed ?? 0);
  return (
    <section className="flow-panel" aria-label="Flows">
      <div className="bar">
        <h2>Flows</h2>
        <span>{isPast ? pastWords(tail) : sampleWords(tail, flowRate)}</span>
        <span className="gap" />
        {!isPast && (isHeld || hold !== null) && (
          <button type="button" className="btn newer" onClick={toNewest} title="Newest flow (Home)">
            {newer > 0 ? `${exact(newer)} new` : 'Held'}
          </button>
        )}
      </div>
      {above}
      <FlowTable
        rows={shown.rows}
        selectedId={selected?.id ?? null}
        isMarked={isMarked}
        onSelect={onSelect}
        onHover={onHover}
        onScrolled={setScrolled}
        scroller={scroller}
        empty={empty}
      />
    </section>
  );
});

function pastWords({ rows, isKnown }: FlowTail): string {
  if (!isKnown) return 'loading';
  return rows.length < MAX_PAST_ROWS ? 'all of this range' : `the newest ${exact(rows.length)} of this range`;
}

function sampleWords({ sampled, isKnown }: FlowTail, flowRate: number | null): string {
  if (!isKnown) return 'loading';
  const all = flowRate === null ? '' : `${rate(flowRate)} in all, `;
  return sampled > 1 ? `${all}every ${ordinal(sampled)} shown, drops and errors always` : `${all}every match shown`;
}
