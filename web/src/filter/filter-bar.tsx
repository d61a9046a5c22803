/** The filter bar: chips for what is applied, a field for what is being written, and what could be written. */
import { type KeyboardEvent, type ReactNode, type RefObject, useId, useRef, useState } from 'react';
import type { FlowRow } from '../../../server/wire/live.ts';
import { Icon } from '../marks/icon.tsx';
import { exact } from '../words/numbers.ts';
import { type Suggestion, suggest } from './completion.ts';
import { formatFilter, formatTerm, parseFilter, type Term, withTerms } from './grammar.ts';
import { shownName } from './names.ts';
import './filter.css';

interface FilterBarProps {
  terms: readonly Term[];
  onTerms: (terms: readonly Term[]) => void;
  /** Flows whose values are offered. */
  rows: () => readonly FlowRow[];
  /** What the hub had against the filter. */
  refusal: string | null;
  field: RefObject<HTMLInputElement | null>;
  /** Ctrl+Enter: the result as a list of flows. */
  onOpen: () => void;
}

const MAX_HISTORY = 50;

export function FilterBar({ terms, onTerms, rows, refusal, field, onOpen }: FilterBarProps): ReactNode {
  const [text, setText] = useState('');
  const [offers, setOffers] = useState<readonly Suggestion[]>([]);
  const [chosen, setChosen] = useState(-1);
  const past = useRef<{ entries: string[]; at: number }>({ entries: [], at: 0 });
  const listId = useId();
  const problem = terms.find((term) => term.error !== null)?.error ?? refusal;

  const write = (next: string): void => {
    setText(next);
    setChosen(-1);
    setOffers(suggest(next.split(' ').at(-1) ?? '', rows()));
  };
  const close = (): void => {
    setOffers([]);
    setChosen(-1);
  };
  const take = (offer: Suggestion): void => {
    const words = text.split(' ');
    const next = [...words.slice(0, -1), offer.text].join(' ');
    if (offer.text.endsWith(':')) write(next);
    else apply(next);
    field.current?.focus();
  };
  const apply = (written: string): void => {
    const next = withTerms(terms, parseFilter(written));
    past.current.entries = [...past.current.entries, formatFilter(next)].slice(-MAX_HISTORY);
    past.current.at = past.current.entries.length;
    onTerms(next);
    setText('');
    close();
  };
  const walk = (by: 1 | -1): void => {
    const at = past.current.at + by;
    const entry = past.current.entries[at];
    if (entry === undefined) return;
    past.current.at = at;
    onTerms(parseFilter(entry));
  };

  const onKey = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const by = event.key === 'ArrowDown' ? 1 : -1;
      if (offers.length > 0) setChosen((chosen + by + offers.length) % offers.length);
      else if (text === '') walk(by);
    } else if (event.key === 'Enter') {
      const offer = offers[chosen];
      if (offer !== undefined) take(offer);
      else if (text.trim() !== '') apply(text);
      if (event.ctrlKey) onOpen();
    } else if (event.key === 'Tab' && offers.length > 0 && text !== '') {
      const offer = offers[Math.max(0, chosen)];
      if (offer === undefined) return;
      event.preventDefault();
      take(offer);
    } else if (event.key === 'Backspace' && text === '') {
      const last = terms.at(-1);
      if (last === undefined) return;
      event.preventDefault();
      onTerms(terms.slice(0, -1));
      write(formatTerm(last));
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (offers.length > 0) close();
      else field.current?.blur();
    }
  };

  return (
    <div className="filter-box">
      <div className="filter" onMouseDown={(event) => event.target === event.currentTarget && event.preventDefault()}>
        <Icon name="search" />
        <span className="chips">
          {terms.map((term) => (
            <Chip
              key={formatTerm(term)}
              term={term}
              onRemove={() => onTerms(terms.filter((other) => other !== term))}
            />
          ))}
        </span>
        <input
          ref={field}
          value={text}
          maxLength={500}
          placeholder={terms.length === 0 ? 'Filter, such as verdict:dropped to:orders' : 'Filter'}
          aria-label="Filter"
          role="combobox"
          aria-expanded={offers.length > 0}
          aria-controls={listId}
          aria-activedescendant={chosen >= 0 ? `${listId}-${chosen}` : undefined}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKey}
          onBlur={close}
        />
        <kbd>/</kbd>
      </div>
      {offers.length > 0 && (
        <ul id={listId} className="offers" role="listbox" aria-label="Suggestions">
          {offers.map((offer, index) => (
            <li
              key={offer.text}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(offer)}
            >
              <span>{offer.text}</span>
              {offer.count !== null && offer.count > 0 && <em>{exact(offer.count)}</em>}
            </li>
          ))}
        </ul>
      )}
      {problem !== null && offers.length === 0 && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function Chip({ term, onRemove }: { term: Term; onRemove: () => void }): ReactNode {
  const classes = ['chip', term.exclude && 'not', term.error !== null && 'wrong'].filter(Boolean).join(' ');
  return (
    <button
      type="button"
      className={classes}
      title={term.error ?? 'Remove'}
      aria-label={`Remove ${formatTerm(term)}`}
      onClick={onRemove}
    >
      <i>
        {term.exclude && 'not '}
        {shownName(term.name)}:
      </i>
      {term.values.join(', ')}
      <Icon name="close" size={12} />
    </button>
  );
}
