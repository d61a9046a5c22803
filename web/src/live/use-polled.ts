/** What the hub's HTTP API says, asked for again and again while it is shown. */
import { useEffect, useState } from 'react';

const PERIOD_MS = 5000;

export interface Polled<T> {
  /** The newest answer, null before the first; stays when asking fails. */
  data: T | null;
  /** Why the newest attempt failed, null if it did not. */
  problem: string | null;
}

/** `path` null asks for nothing; while `isHeld` nothing new is asked for. */
export function usePolled<T>(path: string | null, isHeld = false): Polled<T> {
  const [state, setState] = useState<Polled<T> & { path: string | null }>({ path, data: null, problem: null });
  useEffect(() => {
    if (path === null) return undefined;
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const response = await fetch(path, { signal: gone.signal, headers: { Accept: 'application/json' } });
        const body: unknown = await response.json();
        if (!response.ok) throw new Error((body as { detail?: string }).detail ?? `status ${response.status}`);
        setState({ path, data: body as T, problem: null });
      } catch (error) {
        if (gone.signal.aborted) return;
        const problem = error instanceof Error ? error.message : String(error);
        setState((before) => ({ path, data: before.path === path ? before.data : null, problem }));
      }
      if (!isHeld) timer = setTimeout(() => void ask(), PERIOD_MS);
    };
    void ask();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [path, isHeld]);
  // What another path answered is not shown for this one.
  return state.path === path ? state : { data: null, problem: null };
}
