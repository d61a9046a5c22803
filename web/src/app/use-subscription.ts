/** Keeps what is asked of the hub in step with what the page shows. */
import { useEffect, useMemo } from 'react';
import { mapPart, parseFilter, type Term, toFlowFilter } from '../filter/grammar.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { Past } from '../live/past.ts';
import type { PageState } from './page-state.ts';

export interface AppliedFilter {
  terms: readonly Term[];
  /** The part of the filter that sums can apply. */
  mapFilter: FlowFilter;
  /** Names that the map cannot apply, as the API spells them. */
  ignoredByMap: readonly string[];
}

export function useSubscription(store: LiveStore, page: PageState): AppliedFilter {
  const { filter: text, level, range, past, held } = page;
  const pastText = JSON.stringify(past);
  const terms = useMemo(() => parseFilter(text), [text]);
  const parts = useMemo(() => {
    const filter = toFlowFilter(terms);
    return { filter, map: mapPart(filter) };
  }, [terms]);
  useEffect(() => {
    const asked = JSON.parse(pastText) as Past | null;
    store.want({ group: level, range, filter: parts.filter, mapFilter: parts.map.filter, past: asked });
  }, [store, level, range, parts, pastText]);
  useEffect(() => store.setHeld(held), [store, held]);
  useEffect(() => store.connect(), [store]);
  return { terms, mapFilter: parts.map.filter, ignoredByMap: parts.map.ignored };
}
