/** The table of flows, newest on top. Only the rows in view are in the page. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import type { FlowRow } from '../../../server/wire/live.ts';
import { FlowCells } from './flow-cells.tsx';
import './flows.css';

const ROW = 25;
const OVERSCAN = 8;

const COLUMNS = [
  ['Time', ''],
  ['Verdict', ''],
  ['Source', ''],
  ['Destination', ''],
  ['Port', 'num'],
  ['Proto', ''],
  ['What', ''],
  ['Latency', 'num'],
  ['Bytes', 'num'],
] as const;

interface FlowTableProps {
  rows: readonly FlowRow[];
  selectedId: number | null;
  isMarked: (row: FlowRow) => boolean;
  onSelect: (row: FlowRow) => void;
  onHover: () => void;
  onScrolled: (isScrolled: boolean) => void;
  scroller: RefObject<HTMLDivElement | null>;
  /** Stands in place of rows when there are none. */
  empty: ReactNode;
}

export function FlowTable({ rows, selectedId, isMarked, onSelect, onHover, onScrolled, scroller, empty }: FlowTableProps): ReactNode {
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: OVERSCAN,
  });
  const selectedAt = selectedId === null ? -1 : rows.findIndex((row) => row.id === selectedId);
  const follow = useRef(virtual);
  follow.current = virtual;
  useEffect(() => {
    if (selectedAt >= 0) follow.current.scrollToIndex(selectedAt, { align: 'auto' });
    // Only another selection scrolls; that rows above it come and go does not.
  }, [selectedId]);
  return (
    <div className="flows" role="table" aria-label="Flows" aria-rowcount={rows.length + 1}>
      <div className="head" role="row">
        {COLUMNS.map(([title, kind]) => (
          <span key={title} role="columnheader" className={kind}>
            {title}
          </span>
        ))}
      </div>
      <div
        className="scroll"
        ref={scroller}
        role="rowgroup"
        tabIndex={0}
        aria-label="Flow rows"
        onPointerMove={onHover}
        onScroll={(event) => onScrolled(event.currentTarget.scrollTop > 1)}
      >
        {rows.length === 0 ? (
          empty
        ) : (
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return row === undefined ? null : (
                <FlowCells
                  key={row.id}
                  row={row}
                  top={item.start}
                  index={item.index}
                  isSelected={row.id === selectedId}
                  isMarked={isMarked(row)}
                  onSelect={onSelect}
                />
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}
