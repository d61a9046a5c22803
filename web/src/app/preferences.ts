/** What a person likes, kept in this browser. Storage may be forbidden; then it lasts as long as the page. */
import { useCallback, useEffect, useState } from 'react';

const PREFIX = 'spyglass.';

function load(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

function save(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Forbidden or full: the choice holds until the page is closed.
  }
}

/** A length in px, within its limits. */
export function useLength(
  key: string,
  start: number,
  [least, most]: readonly [number, number],
): [number, (px: number) => void] {
  const limit = useCallback((px: number) => Math.round(Math.min(most, Math.max(least, px))), [least, most]);
  const [length, setLength] = useState(() => {
    const saved = Number(load(key) ?? Number.NaN);
    return Number.isFinite(saved) ? limit(saved) : start;
  });
  const change = useCallback(
    (px: number) => {
      setLength(limit(px));
      save(key, String(limit(px)));
    },
    [key, limit],
  );
  return [length, change];
}

export function useSwitch(key: string, start: boolean): [boolean, (on: boolean) => void] {
  const [isOn, setOn] = useState(() => (load(key) ?? String(start)) === 'true');
  const change = useCallback(
    (on: boolean) => {
      setOn(on);
      save(key, String(on));
    },
    [key],
  );
  return [isOn, change];
}

export type Theme = 'light' | 'dark';

/** The chosen theme, else that of the system. */
function currentTheme(): Theme {
  const chosen = load('theme');
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Sets the chosen theme, if there is one, before anything is drawn. */
export function applyTheme(): void {
  if (load('theme') !== null) document.documentElement.dataset['theme'] = currentTheme();
}

export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(currentTheme);
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setTheme(currentTheme());
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, []);
  const toggle = useCallback(() => {
    const next = currentTheme() === 'dark' ? 'light' : 'dark';
    save('theme', next);
    document.documentElement.dataset['theme'] = next;
    setTheme(next);
  }, []);
  return [theme, toggle];
}
