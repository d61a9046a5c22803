/** The page state, kept in the address: back and forward walk through it. */
import { useSyncExternalStore } from 'react';
import { type PageState, readAddress, writeAddress } from './page-state.ts';

const listeners = new Set<() => void>();
let current = readAddress(location.pathname, location.search);

function notify(): void {
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', () => {
  current = readAddress(location.pathname, location.search);
  notify();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Another page or filter is a step to come back from; the rest only changes the address. */
function changePage(change: Partial<PageState>): void {
  const next = { ...current, ...change };
  const isStep = next.page !== current.page || next.filter !== current.filter || next.past !== current.past;
  const before = writeAddress(current, location.pathname);
  const after = writeAddress(next, location.pathname);
  current = next;
  if (after !== before) history[isStep ? 'pushState' : 'replaceState'](null, '', after);
  notify();
}

export function usePage(): [PageState, (change: Partial<PageState>) => void] {
  const state = useSyncExternalStore(subscribe, () => current);
  return [state, changePage];
}
