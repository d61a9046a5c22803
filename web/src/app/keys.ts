/** The keyboard: one map for all pages. Keys are not taken from fields that are typed into, nor from what handled them itself. */
import { useEffect, useRef } from 'react';

export interface KeyHelp {
  keys: string;
  does: string;
}

export const KEY_HELP: readonly KeyHelp[] = [
  { keys: 'g m, g f', does: 'go to map, flows' },
  { keys: 'g p, g l, g d', does: 'go to policies, L7, datapath' },
  { keys: '/', does: 'filter' },
  { keys: 'Space', does: 'live or held' },
  { keys: ', .', does: 'shorter, longer range' },
  { keys: '[ ]', does: 'earlier, later' },
  { keys: 'j k', does: 'next, previous flow' },
  { keys: 'Home', does: 'newest flow' },
  { keys: 'Esc', does: 'close details, clear selection' },
  { keys: '1 2 3 4', does: 'namespace, workload, service, pod' },
  { keys: 'v', does: 'colour mode' },
  { keys: 'f', does: 'fold or unfold the selected node' },
  { keys: 't', does: 'tidy the map' },
  { keys: '+ - 0', does: 'zoom in, out, fit (on the map)' },
  { keys: 'x, Shift x', does: 'filter to this, exclude this' },
  { keys: 'y', does: 'copy the link' },
  { keys: 'd', does: 'show or hide the flows below the map' },
  { keys: '?', does: 'this list' },
];

/** Key, or `g` and a key with a space between -> what it does. `Shift+X` names a shifted letter. */
export type KeyMap = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const CHORD_MS = 1200;
const ALWAYS = new Set(['Escape', 'Home', '?']);

export function useKeys(keys: KeyMap, singleLetters: boolean): void {
  const latest = useRef({ keys, singleLetters });
  useEffect(() => {
    latest.current = { keys, singleLetters };
  });
  useEffect(() => {
    let chord = { key: '', until: 0 };
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) && event.key !== 'Escape') return;
      // A button that has the focus is pressed by Space.
      if (
        event.key === ' ' &&
        event.target instanceof HTMLElement &&
        event.target.closest('button, select, a, summary')
      )
        return;
      if (!latest.current.singleLetters && !ALWAYS.has(event.key)) return;
      const name = event.shiftKey && /^[A-Z]$/.test(event.key) ? `Shift+${event.key}` : event.key;
      const isSecond = event.timeStamp < chord.until;
      const run = latest.current.keys[isSecond ? `${chord.key} ${name}` : name];
      chord = { key: name, until: name === 'g' ? event.timeStamp + CHORD_MS : 0 };
      if (run === undefined) return;
      event.preventDefault();
      run(event);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]') !== null
  );
}
