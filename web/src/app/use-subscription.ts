/** Keeps what is asked of the hub in step with what the page shows. */
import { useEffect, useMemo } from 'react';
import { mapPart, parseFilter, type Term, toFlowFilter } from '../filter/grammar.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { PageState } from './page-state.ts';

export interface AppliedFilter {
  terms: readonly Term[];
  /** The part of the filter that sums can apply. */
  mapFilter: FlowFilter;
  /** Names that the map cannot apply, as the API spells them. */
  ignoredByMap: readonly string[];
}

export function useSubscription(store: LiveStore, page: PageState): AppliedFilter {
  const { filter: text, level, range, held } = page;
  const terms = useMemo(() => parseFilter(text), [text]);
  const parts = useMemo(() => {
    const filter = toFlowFilter(terms);
    return { filter, map: mapPart(filter) };
  }, [terms]);
  useEffect(() => {
    store.want({ group: level, range, filter: parts.filter, mapFilter: parts.map.filter });
  }, [store, level, range, parts]);
  useEffect(() => store.setHeld(held), [store, held]);
  useEffect(() => store.connect(), [store]);
  return { terms, mapFilter: parts.map.filter, ignoredByMap: parts.map.ignored };
}
