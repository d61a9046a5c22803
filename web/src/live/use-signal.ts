/** React's view of a signal, and of time passing. */
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { ReadSignal } from './signal.ts';

export function useSignal<T>(signal: ReadSignal<T>): T {
  return useSyncExternalStore(signal.subscribe, signal.get);
}

/** Unix ms, anew each second, for ages and countdowns. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
