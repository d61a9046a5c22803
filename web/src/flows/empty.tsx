/** What stands where flows would be: how many there are, and what to remove to see them. */
import type { ReactNode } from 'react';
import { usePast } from '../live/past.ts';
import type { Term } from '../filter/grammar.ts';
import { formatTerm } from '../filter/grammar.ts';
import { counted } from '../words/numbers.ts';

interface EmptyProps {
  isKnown: boolean;
  terms: readonly Term[];
  /** Flows of the range, matching or not; null until known. */
  total: number | null;
  onRemove: (term: Term) => void;
  onClear: () => void;
}

export function EmptyFlows({ isKnown, terms, total, onRemove, onClear }: EmptyProps): ReactNode {
  const isOver = usePast() !== null;
  if (!isKnown) {
    return (
      <div className="blocks" aria-hidden="true">
        {[62, 48, 71, 55, 66].map((width) => (
          <i key={width} style={{ width: `${width}%` }} />
        ))}
      </div>
    );
  }
  const applied = terms.filter((term) => term.error === null);
  const last = applied.at(-1);
  return (
    <div className="card-state">
      <h3>{last !== undefined ? 'No flows match' : isOver ? 'No flows in this range' : 'No flows yet'}</h3>
      <p>
        {total !== null && `${counted(total, 'flow')} in this range`}
        {last === undefined ? (
          isOver ? (
            '. Nothing was sent then, or it is not kept any more.'
          ) : (
            '. They appear as soon as a pod sends something.'
          )
        ) : (
          <>
            , none with <b>{applied.map(formatTerm).join(' ')}</b>.
          </>
        )}
      </p>
      {last !== undefined && (
        <p className="acts">
          <button type="button" className="btn" onClick={() => onRemove(last)}>
            Remove {formatTerm(last)}
          </button>
          {applied.length > 1 && (
            <button type="button" className="btn quiet" onClick={onClear}>
              Clear filters
            </button>
          )}
        </p>
      )}
    </div>
  );
}
