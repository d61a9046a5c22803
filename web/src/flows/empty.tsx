/** What stands where flows would be: how many there are, and what to remove to see them. */
import type { ReactNode } from 'react';
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
      <h3>{last === undefined ? 'No flows yet' : 'No flows match'}</h3>
      <p>
        {total !== null && `${counted(total, 'flow')} in this range`}
        {last === undefined ? (
          '. They appear as soon as a pod sends something.'
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
