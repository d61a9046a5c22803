/** The table of flows, newest on top. Only the rows in view are in the page. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import type { FlowRow } from '../../../server/wire/live.ts';
import { verdictOf } from '../words/what.ts';
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

export function FlowTable({
  rows,
  selectedId,
  isMarked,
  onSelect,
  onHover,
  onScrolled,
  scroller,
  empty,
}: FlowTableProps): ReactNode {
  // oxlint-disable-next-line react/incompatible-library -- its functions change with each drawing; nothing keeps them
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: OVERSCAN,
  });
  const selectedAt = selectedId === null ? -1 : rows.findIndex((row) => row.id === selectedId);
  const followedId = useRef(selectedId);
  useEffect(() => {
    // Only another selection scrolls; that rows above it come and go does not.
    if (followedId.current === selectedId) return;
    followedId.current = selectedId;
    if (selectedAt >= 0) virtual.scrollToIndex(selectedAt, { align: 'auto' });
  }, [selectedId, selectedAt, virtual]);
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
                <div
                  key={row.id}
                  className={classesOf(row, row.id === selectedId, isMarked(row))}
                  role="row"
                  aria-rowindex={item.index + 2}
                  aria-selected={row.id === selectedId}
                  style={{ transform: `translateY(${item.start}px)` }}
                  onClick={() => onSelect(row)}
                >
                  <FlowCells row={row} />
                </div>
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}

function classesOf(row: FlowRow, isSelected: boolean, isMarked: boolean): string {
  return `row ${verdictOf(row.flow)}${isSelected ? ' sel' : ''}${isMarked ? ' marked' : ''}`;
}
